"""A self-contained HTML page of runs: no server, no network connection, no model."""

from xinc_lightning.explorer.build import build_page

__all__ = ["build_page"]
