"""Figures: each takes a result and returns a matplotlib ``Figure``, made without pyplot's global state."""

from xinc_lightning.figures.maps import contact_sheet
from xinc_lightning.figures.reconstruction import comparison
from xinc_lightning.figures.style import Figure, rasterize

__all__ = ["Figure", "comparison", "contact_sheet", "rasterize"]
