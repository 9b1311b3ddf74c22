"""Analyses of a canvas: each returns a frozen, labelled result and plots nothing."""

from xinc_lightning.analyses.maps import (
    ContributionMapsResult,
    contribution_maps,
    neuron_label,
    sample_neurons,
)
from xinc_lightning.analyses.motion import FlowVsFluctuationResult, flow_vs_fluctuation
from xinc_lightning.analyses.neuron_clusters import (
    NeuronClustersResult,
    layer_neighbours,
    neuron_clusters,
)
from xinc_lightning.analyses.partitions import gabor_partition
from xinc_lightning.analyses.shared_embedding import NeuronSet, SharedEmbedding, shared_embedding
from xinc_lightning.analyses.things_and_stuff import (
    ThingsAndStuffResult,
    evenly_spaced,
    sample_live_neurons,
    things_and_stuff,
)

__all__ = [
    "ContributionMapsResult",
    "FlowVsFluctuationResult",
    "NeuronClustersResult",
    "NeuronSet",
    "SharedEmbedding",
    "ThingsAndStuffResult",
    "contribution_maps",
    "evenly_spaced",
    "flow_vs_fluctuation",
    "gabor_partition",
    "layer_neighbours",
    "neuron_clusters",
    "neuron_label",
    "sample_live_neurons",
    "sample_neurons",
    "shared_embedding",
    "things_and_stuff",
]
