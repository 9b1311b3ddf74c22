"""Controls of the grouping variance: the same clusters shifted, and k-means with other seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xinc_lightning.analyses.grouping_scores import is_absolute, variance_scores
from xinc_lightning.analyses.partitions import Convention
from xinc_lightning.canvas import FrameCanvas


@dataclass(frozen=True)
class ShiftNull:
    """Scores of some neurons when partitions are shifted around the frame.

    Attributes:
        neurons: [sampled] indices of the neurons.
        shifts: [shifts, 2] rows and columns of each shift.
        scores: by partition, [shifts, sampled] variance (or standard deviation) of δ.
    """

    neurons: Int[np.ndarray, " sampled"]
    shifts: Int[np.ndarray, "shifts 2"]
    scores: Mapping[str, Float[np.ndarray, "shifts sampled"]]


def shift_null(
    layer: FrameCanvas,
    partitions: Mapping[str, Int[Tensor, "height width"]],
    neurons: Sequence[int],
    shifts: int = 20,
    seed: int = 0,
    std: bool = False,
    convention: Convention = "paper",
) -> ShiftNull:
    """Score neurons while the labels are shifted around the frame, wrapping at its edges.

    A partition that every shift maps to itself, such as the lattice, is independent of the image; it has no null and
    is skipped, as are partitions with a single cluster.

    Args:
        layer: the layer's canvas at one frame.
        partitions: label images by name.
        neurons: which neurons, in ascending order; dead ones give NaN.
        shifts: number of different shifts.
        seed: of the shifts.
        std: see :func:`grouping_variance`.
        convention: likewise.

    Raises:
        ValueError: if there are fewer than 2 shifts, or more than the frame has.
    """
    height, width = layer.shape
    if not 2 <= shifts < height * width:
        raise ValueError(
            f"shifts={shifts}: a frame of {height}×{width} has 2 … {height * width - 1} of them."
        )
    drawn = np.random.default_rng(seed).choice(height * width - 1, shifts, replace=False) + 1
    moves = np.stack(np.divmod(drawn, width), 1)
    shifted = {}
    for name, labels in partitions.items():
        moved = [torch.roll(labels, (int(down), int(right)), (0, 1)) for down, right in moves]
        if int(labels.amin()) < int(labels.amax()) and not all(_same_groups(labels, m) for m in moved):
            shifted[name] = moved
    statistics = layer.reduce(
        {f"{name} {i}": labels for name, moved in shifted.items() for i, labels in enumerate(moved)},
        thresholds=(),
        neurons=neurons,
    )
    scores = {
        name: np.stack(
            [
                variance_scores(
                    statistics.cluster_sums[f"{name} {i}"],
                    statistics.cluster_areas[f"{name} {i}"],
                    std,
                    is_absolute(name, convention),
                )
                for i in range(shifts)
            ]
        )
        for name in shifted
    }
    return ShiftNull(np.asarray(neurons), moves, scores)


def medians_over_seeds(
    layer: FrameCanvas,
    partitions: Mapping[str, Sequence[Int[Tensor, "height width"]]],
    neurons: Sequence[int],
    std: bool = False,
    convention: Convention = "paper",
) -> dict[str, Float[np.ndarray, " seeds"]]:
    """Median score of some neurons for each of several versions of a partition, such as k-means with other seeds.

    Args:
        layer: the layer's canvas at one frame.
        partitions: by name, label images; those with a single cluster are skipped.
        neurons: which neurons, all with contribution.
        std: see :func:`grouping_variance`.
        convention: likewise.
    """
    divided = {
        name: pictures for name, pictures in partitions.items() if all(bool(one.any()) for one in pictures)
    }
    if not divided:
        return {}
    statistics = layer.reduce(
        {f"{name} {i}": labels for name, pictures in divided.items() for i, labels in enumerate(pictures)},
        thresholds=(),
        neurons=neurons,
    )

    def median(name: str, key: str) -> float:
        sums, areas = statistics.cluster_sums[key], statistics.cluster_areas[key]
        return float(np.median(variance_scores(sums, areas, std, is_absolute(name, convention))))

    return {
        name: np.array([median(name, f"{name} {i}") for i in range(len(pictures))])
        for name, pictures in divided.items()
    }


def _same_groups(one: Tensor, other: Tensor) -> bool:
    """Whether two label images divide the pixels in the same way, whatever the labels."""
    pairs = one * (other.amax() + 1) + other
    groups = {int(labels.flatten().bincount().count_nonzero()) for labels in (one, other, pairs)}
    return len(groups) == 1
