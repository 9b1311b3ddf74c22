"""Figures: each takes a result and returns a matplotlib ``Figure``, made without pyplot's global state."""

from xinc_lightning.figures.maps import contact_sheet
from xinc_lightning.figures.motion import flow_beside_fluctuation
from xinc_lightning.figures.neuron_clusters import clusters_with_maps
from xinc_lightning.figures.reconstruction import comparison
from xinc_lightning.figures.shared_embedding import embedding_by_group
from xinc_lightning.figures.style import Figure, rasterize
from xinc_lightning.figures.things_and_stuff import shares_of_segments

__all__ = [
    "Figure",
    "clusters_with_maps",
    "comparison",
    "contact_sheet",
    "embedding_by_group",
    "flow_beside_fluctuation",
    "rasterize",
    "shares_of_segments",
]
