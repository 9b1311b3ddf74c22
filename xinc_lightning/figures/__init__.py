"""Figures: each takes a result and returns a matplotlib ``Figure``, made without pyplot's global state."""

from xinc_lightning.figures.density import (
    contribution_distributions,
    neurons_per_pixel_maps,
    pixels_per_neuron_curves,
)
from xinc_lightning.figures.intensity import contributions_vs_intensity
from xinc_lightning.figures.maps import contact_sheet
from xinc_lightning.figures.reconstruction import comparison
from xinc_lightning.figures.style import Figure, rasterize
from xinc_lightning.figures.variance import grouping_variances

__all__ = [
    "Figure",
    "comparison",
    "contact_sheet",
    "contribution_distributions",
    "contributions_vs_intensity",
    "grouping_variances",
    "neurons_per_pixel_maps",
    "pixels_per_neuron_curves",
    "rasterize",
]
