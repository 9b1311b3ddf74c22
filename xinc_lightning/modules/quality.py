"""PSNR and SSIM of reconstructed frames, a few frames at a time: memory does not grow with the length of a clip."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

SSIM_SIDE = 6
"""Fewest rows and columns for which SSIM's window of 11 pixels, padded by reflection, is defined."""

WINDOWS = 100
"""SSIM's windows take as many times the memory of a frame."""

MOST_BYTES = 256 * 2**20
"""Memory of the windows of frames that are compared together."""

TOGETHER = 64
"""Frames whose PSNR is taken together."""


def psnr(prediction: Tensor, target: Tensor) -> float:
    """PSNR in dB, the mean over the frames of [frames, 3, height, width] in [0, 1]."""
    total = 0.0
    for one, other in _parts(prediction, target, TOGETHER):
        total += len(one) * float(peak_signal_noise_ratio(one, other, data_range=1.0, dim=(1, 2, 3)))
    return total / len(target)


def ssim(prediction: Tensor, target: Tensor) -> float:
    """SSIM, the mean over the frames of [frames, 3, height, width] in [0, 1]; NaN where it is undefined.

    All pixels count, those at the border with the frame's mirror image in their windows; skimage leaves a margin of
    5 pixels out and is 0.015 higher or lower.
    """
    if min(target.shape[-2:]) < SSIM_SIDE:
        return float("nan")
    total = 0.0
    for one, other in _parts(prediction, target, 1):  # because of the memory of WINDOWS
        value = structural_similarity_index_measure(one, other, data_range=1.0)
        assert isinstance(value, Tensor)
        total += float(value)
    return total / len(target)


def update_in_parts(metric: Metric, prediction: Tensor, target: Tensor) -> None:
    """Update a metric with [frames, 3, height, width], as many frames at a time as SSIM's windows fit for.

    >>> from torchmetrics import MeanSquaredError
    >>> update_in_parts(metric := MeanSquaredError(), torch.zeros(3, 3, 8, 8), torch.ones(3, 3, 8, 8))
    >>> metric.compute()
    tensor(1.)
    """
    for one, other in _parts(prediction, target, max(1, MOST_BYTES // (WINDOWS * target[0].nbytes))):
        metric.update(one, other)


def _parts(prediction: Tensor, target: Tensor, frames: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Both, at most so many frames at a time."""
    return zip(torch.split(prediction, frames), torch.split(target, frames), strict=True)
