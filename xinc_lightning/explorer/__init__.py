"""Runs as one page that opens from disk: no server, no network, no model."""

from xinc_lightning.explorer.build import build_page

__all__ = ["build_page"]
