"""How well two maps of a neuron agree over the pixels, and two scores over the neurons."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

LOW_BITS = 15
"""Bits of a float32 that ranks ignore: values closer than 0.4 % may share a rank."""

BINS = 1 << (31 - LOW_BITS)
"""Kinds of leading bits of values of at least 0."""


def cosines(
    one: Float[Tensor, "n height width"], other: Float[Tensor, "n height width"]
) -> Float[Tensor, " n"]:
    """Cosine of each pair of maps; NaN where one is 0 everywhere."""
    one, other = one.flatten(1), other.flatten(1)
    products = ((x * y).sum(1).double() for x, y in ((one, other), (one, one), (other, other)))
    both, first, second = products
    return both / (first * second).sqrt()


def ranks(maps: Float[Tensor, "n height width"]) -> Float[Tensor, "n height width"]:
    """Ranks of each map's values, all at least 0, over the pixels; equal values share the mean of theirs.

    Values are sorted into the 65,536 bins of their leading bits, which takes a hundredth of the time of sorting them.

    >>> ranks(torch.tensor([[[0.5, 3.0, 0.5, 0.0]]]))
    tensor([[[1.5000, 3.0000, 1.5000, 0.0000]]])
    """
    bins = maps.float().flatten(1).contiguous().view(torch.int32) >> LOW_BITS
    if not bins.is_cpu:
        return ranks_of_bins(bins.long()).reshape(maps.shape)
    from xinc_lightning.canvas.rank_kernel import rank_rows

    return torch.from_numpy(rank_rows(bins.numpy(), BINS)).reshape(maps.shape)


def ranks_of_bins(bins: Int[Tensor, "n pixels"]) -> Float[Tensor, "n pixels"]:
    """Ranks along each row of numbers below ``BINS``, by torch alone, for GPUs."""
    counts = torch.zeros(len(bins), BINS, device=bins.device)
    counts.scatter_add_(1, bins, torch.ones_like(bins, dtype=counts.dtype))
    middle = counts.cumsum(1).sub_(counts, alpha=0.5).sub_(0.5)
    return middle.gather(1, bins)


def correlations(
    one: Float[Tensor, "n height width"], other: Float[Tensor, "n height width"]
) -> Float[Tensor, " n"]:
    """Pearson's r of each pair of pictures, of ranks Spearman's; NaN where one is the same everywhere."""
    return cosines(one - one.mean((1, 2), keepdim=True), other - other.mean((1, 2), keepdim=True))


def rank_correlation(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"]) -> float:
    """Spearman's rank correlation of two scores; NaN if one is the same for all, or not finite."""
    from scipy.stats import spearmanr

    finite = np.isfinite(one).all() and np.isfinite(other).all()
    if len(one) < 2 or not finite or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(spearmanr(one, other).statistic)
