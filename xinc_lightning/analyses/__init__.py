"""Analyses of a canvas: each returns a frozen, labelled result and plots nothing."""

from xinc_lightning.analyses.maps import ContributionMapsResult, contribution_maps, sample_neurons

__all__ = ["ContributionMapsResult", "contribution_maps", "sample_neurons"]
