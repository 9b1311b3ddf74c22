"""Positional encodings of pixel coordinates (FFN) and of time (NeRV)."""

import math

import torch
from torch import Tensor, nn


def pixel_grid(height: int, width: int) -> Tensor:
    """Coordinates of every pixel, the input of an FFN (§6.1).

    Both axes are divided by the longer one, so the shorter axis spans only part of [-1, 1].

    Returns:
        [height, width, 2], last axis (row, col), float32.

    >>> pixel_grid(2, 3)[..., 1]
    tensor([[-1.,  0.,  1.],
            [-1.,  0.,  1.]])
    """
    longest = max(max(height, width) - 1, 1)
    rows, cols = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack((rows, cols), dim=-1) / longest * 2 - 1


class FourierEncoding(nn.Module):
    """Random Fourier features [sin(2πBx), cos(2πBx)] of pixel coordinates (§3.1, §6.1).

    Args:
        frequencies: rows of B; the encoding has twice as many features.
        scale: standard deviation of B's normal distribution.
    """

    B: Tensor

    def __init__(self, frequencies: int = 104, scale: float = 10.0) -> None:
        super().__init__()
        self.register_buffer("B", torch.randn(frequencies, 2) * scale)

    def forward(self, coordinates: Tensor) -> Tensor:
        """Encode [..., 2] coordinates as [..., 2·frequencies] features."""
        angles = 2 * math.pi * coordinates @ self.B.T
        return torch.cat((angles.sin(), angles.cos()), dim=-1)


class FrameEncoding(nn.Module):
    """NeRV's encoding of a frame's time: sine and cosine at the bases 1.25^k·π (§6.1).

    Args:
        base: ratio of neighbouring frequencies.
        levels: number of frequencies; the encoding has twice as many features.
    """

    bases: Tensor

    def __init__(self, base: float = 1.25, levels: int = 80) -> None:
        super().__init__()
        self.register_buffer("bases", base ** torch.arange(levels) * math.pi, persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        """Encode [batch] times in [0, 1) as [batch, 2·levels, 1, 1]."""
        angles = t[:, None] * self.bases
        return torch.cat((angles.sin(), angles.cos()), dim=-1)[:, :, None, None]
