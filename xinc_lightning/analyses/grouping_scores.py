"""Deviation of a neuron's contribution from an even distribution over a partition's clusters (§4.2, Eq. 2)."""

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from xinc_lightning.analyses.partitions import Convention

SIGNED_AS_RELEASED = ("grid", "lattice")
"""Partitions for which the released code uses δ; for the others it uses |δ|."""


def contribution_deltas(
    cluster_sums: Float[Tensor, "neurons clusters"], areas: Int[Tensor, " clusters"]
) -> Float[Tensor, "neurons occupied"]:
    """δ = (expected − actual) / expected for each cluster that has pixels (Eq. 2).

    Expected is the cluster's share of the area times the neuron's Σ|c|; NaN for a dead neuron.

    >>> contribution_deltas(torch.tensor([[3.0, 1.0, 0.0]]), torch.tensor([2, 2, 0]))
    tensor([[-0.5000,  0.5000]])

    Args:
        cluster_sums: Σ|c| in each cluster.
        areas: pixels of each cluster.
    """
    occupied = areas > 0
    expected = cluster_sums.sum(1, keepdim=True) * areas[occupied] / areas.sum()
    return (expected - cluster_sums[:, occupied]) / expected


def variance_scores(
    cluster_sums: Float[Tensor, "neurons clusters"],
    areas: Int[Tensor, " clusters"],
    std: bool = False,
    absolute: bool = False,
) -> Float[np.ndarray, " neurons"]:
    """Unbiased variance of δ over the clusters, for each neuron.

    Args:
        cluster_sums: Σ|c| in each cluster.
        areas: pixels of each cluster.
        std: the standard deviation instead.
        absolute: of |δ| instead.
    """
    deltas = contribution_deltas(cluster_sums, areas)
    deltas = deltas.abs() if absolute else deltas
    scores = deltas.std(1) if std else deltas.var(1)
    return scores.cpu().numpy()


def is_absolute(partition: str, convention: Convention) -> bool:
    """Whether the score is of |δ|."""
    return convention == "released" and partition not in SIGNED_AS_RELEASED
