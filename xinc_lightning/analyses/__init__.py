"""Analyses of a canvas: each returns a frozen, labelled result and plots nothing."""

from xinc_lightning.analyses.density import (
    NeuronsPerPixelResult,
    PixelsPerNeuronResult,
    neurons_per_pixel,
    pixels_per_neuron,
)
from xinc_lightning.analyses.intensity import ContributionVsIntensityResult, contribution_vs_intensity
from xinc_lightning.analyses.maps import ContributionMapsResult, contribution_maps, sample_neurons
from xinc_lightning.analyses.partitions import (
    Partition,
    frame_partitions,
    gabor_partition,
    grid_partition,
    instance_partition,
    lattice_partition,
    rgb_partition,
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
    "GroupingVarianceResult",
    "NeuronsPerPixelResult",
    "Partition",
    "PixelsPerNeuronResult",
    "ShiftNull",
    "contribution_maps",
    "contribution_vs_intensity",
    "frame_partitions",
    "gabor_partition",
    "grid_partition",
    "grouping_variance",
    "instance_partition",
    "lattice_partition",
    "neurons_per_pixel",
    "pixels_per_neuron",
    "rgb_partition",
    "sample_live",
    "sample_neurons",
    "shift_null",
]
