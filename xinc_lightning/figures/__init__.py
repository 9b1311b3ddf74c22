"""Figures: each takes a result and returns a ``Figure`` made without pyplot's global state, or a page's HTML."""

from xinc_lightning.figures.contribution_maps import contact_sheet, strip_over_epochs
from xinc_lightning.figures.contribution_vs_intensity import contributions_vs_intensity
from xinc_lightning.figures.embedding_page import embedding_page, thumbnails_of
from xinc_lightning.figures.faithfulness import agreement_with_effects
from xinc_lightning.figures.flow_vs_fluctuation import flow_beside_fluctuation
from xinc_lightning.figures.grouping_variance import grouping_variances
from xinc_lightning.figures.neuron_clusters import clusters_with_maps
from xinc_lightning.figures.neurons_per_pixel import contribution_distributions, neurons_per_pixel_maps
from xinc_lightning.figures.overlay import Panel, overlay
from xinc_lightning.figures.pixels_per_neuron import pixels_per_neuron_curves
from xinc_lightning.figures.reconstructions import truth_and_reconstruction
from xinc_lightning.figures.renderer import Renderer, figure_file, png_now, rasterize
from xinc_lightning.figures.shared_embedding import embedding_by_group
from xinc_lightning.figures.style import Figure
from xinc_lightning.figures.summary import DotPanel, DotRow, dots_of_clips
from xinc_lightning.figures.things_and_stuff import shares_of_segments

__all__ = [
    "DotPanel",
    "DotRow",
    "Figure",
    "Panel",
    "Renderer",
    "agreement_with_effects",
    "clusters_with_maps",
    "contact_sheet",
    "contribution_distributions",
    "contributions_vs_intensity",
    "dots_of_clips",
    "embedding_by_group",
    "embedding_page",
    "figure_file",
    "flow_beside_fluctuation",
    "grouping_variances",
    "neurons_per_pixel_maps",
    "overlay",
    "pixels_per_neuron_curves",
    "png_now",
    "rasterize",
    "shares_of_segments",
    "strip_over_epochs",
    "thumbnails_of",
    "truth_and_reconstruction",
]
