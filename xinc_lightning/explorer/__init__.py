"""Runs as one page that opens from disk: no server, no network, no model."""

from xinc_lightning.explorer.build import build_page
from xinc_lightning.explorer.run_folder import Look, ReportError, RunFolder, read_run

__all__ = ["Look", "ReportError", "RunFolder", "build_page", "read_run"]
