"""Analyses of a canvas: each returns a frozen, labelled result and plots nothing."""

from xinc_lightning.analyses.contribution_maps import (
    ContributionMapsResult,
    contribution_maps,
)
from xinc_lightning.analyses.contribution_vs_intensity import (
    ContributionVsIntensityResult,
    contribution_vs_intensity,
)
from xinc_lightning.analyses.faithfulness import FaithfulnessResult, faithfulness
from xinc_lightning.analyses.flow_vs_fluctuation import FlowVsFluctuationResult, flow_vs_fluctuation
from xinc_lightning.analyses.grouping_controls import ShiftNull, medians_over_seeds, shift_null
from xinc_lightning.analyses.grouping_variance import GroupingVarianceResult, grouping_variance
from xinc_lightning.analyses.neuron_clusters import (
    NeuronClustersResult,
    layer_neighbours,
    neuron_clusters,
)
from xinc_lightning.analyses.neurons_per_pixel import NeuronsPerPixelResult, neurons_per_pixel
from xinc_lightning.analyses.partitions import (
    Convention,
    Partition,
    frame_partitions,
    gabor_partition,
    grid_partition,
    instance_partition,
    lattice_partition,
    rgb_partition,
)
from xinc_lightning.analyses.pixels_per_neuron import PixelsPerNeuronResult, pixels_per_neuron
from xinc_lightning.analyses.pixels_to_neurons import (
    PixelsToNeuronsResult,
    cell_side,
    favourites_of,
    pixels_to_neurons,
)
from xinc_lightning.analyses.rivals import randomised
from xinc_lightning.analyses.sampling import (
    evenly_spaced,
    neuron_label,
    sample_live,
    sample_live_by_maps,
    sample_neurons,
    top_neurons,
)
from xinc_lightning.analyses.shared_embedding import NeuronSet, SharedEmbedding, shared_embedding
from xinc_lightning.analyses.things_and_stuff import (
    ThingsAndStuffResult,
    things_and_stuff,
)

__all__ = [
    "ContributionMapsResult",
    "ContributionVsIntensityResult",
    "Convention",
    "FaithfulnessResult",
    "FlowVsFluctuationResult",
    "GroupingVarianceResult",
    "NeuronClustersResult",
    "NeuronSet",
    "NeuronsPerPixelResult",
    "Partition",
    "PixelsPerNeuronResult",
    "PixelsToNeuronsResult",
    "SharedEmbedding",
    "ShiftNull",
    "ThingsAndStuffResult",
    "cell_side",
    "contribution_maps",
    "contribution_vs_intensity",
    "evenly_spaced",
    "faithfulness",
    "favourites_of",
    "flow_vs_fluctuation",
    "frame_partitions",
    "gabor_partition",
    "grid_partition",
    "grouping_variance",
    "instance_partition",
    "lattice_partition",
    "layer_neighbours",
    "medians_over_seeds",
    "neuron_clusters",
    "neuron_label",
    "neurons_per_pixel",
    "pixels_per_neuron",
    "pixels_to_neurons",
    "randomised",
    "rgb_partition",
    "sample_live",
    "sample_live_by_maps",
    "sample_neurons",
    "shared_embedding",
    "shift_null",
    "things_and_stuff",
    "top_neurons",
]
