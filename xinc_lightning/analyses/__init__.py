"""Analyses of a canvas: each returns a frozen, labelled result and plots nothing."""

from xinc_lightning.analyses.density import (
    NeuronsPerPixelResult,
    PixelsPerNeuronResult,
    neurons_per_pixel,
    pixels_per_neuron,
)
from xinc_lightning.analyses.intensity import ContributionVsIntensityResult, contribution_vs_intensity
from xinc_lightning.analyses.maps import (
    ContributionMapsResult,
    contribution_maps,
    neuron_label,
    sample_neurons,
    top_neurons,
)
from xinc_lightning.analyses.motion import FlowVsFluctuationResult, flow_vs_fluctuation
from xinc_lightning.analyses.neuron_clusters import (
    NeuronClustersResult,
    layer_neighbours,
    neuron_clusters,
)
from xinc_lightning.analyses.partitions import (
    Partition,
    frame_partitions,
    gabor_partition,
    grid_partition,
    instance_partition,
    lattice_partition,
    rgb_partition,
)
from xinc_lightning.analyses.shared_embedding import NeuronSet, SharedEmbedding, shared_embedding
from xinc_lightning.analyses.things_and_stuff import (
    ThingsAndStuffResult,
    evenly_spaced,
    sample_live_neurons,
    things_and_stuff,
)
from xinc_lightning.analyses.variance import (
    Convention,
    GroupingVarianceResult,
    ShiftNull,
    grouping_variance,
    sample_live,
    shift_null,
)

__all__ = [
    "ContributionMapsResult",
    "ContributionVsIntensityResult",
    "Convention",
    "FlowVsFluctuationResult",
    "GroupingVarianceResult",
    "NeuronClustersResult",
    "NeuronSet",
    "NeuronsPerPixelResult",
    "Partition",
    "PixelsPerNeuronResult",
    "SharedEmbedding",
    "ShiftNull",
    "ThingsAndStuffResult",
    "contribution_maps",
    "contribution_vs_intensity",
    "evenly_spaced",
    "flow_vs_fluctuation",
    "frame_partitions",
    "gabor_partition",
    "grid_partition",
    "grouping_variance",
    "instance_partition",
    "lattice_partition",
    "layer_neighbours",
    "neuron_clusters",
    "neuron_label",
    "neurons_per_pixel",
    "pixels_per_neuron",
    "rgb_partition",
    "sample_live",
    "sample_live_neurons",
    "sample_neurons",
    "shared_embedding",
    "shift_null",
    "things_and_stuff",
    "top_neurons",
]
