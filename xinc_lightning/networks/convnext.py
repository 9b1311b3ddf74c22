"""ConvNeXt (Liu et al. 2022): the encoder with which HNeRV makes an embedding of a frame."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

EPSILON = 1e-6
"""Of the normalisations, and the initial scale of a block's residual."""


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of [batch, channels, height, width], at every pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise; without copies where the channels are last in memory."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """A residual of 7×7 depthwise convolution, normalisation, and two layers with GELU between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPSILON)
        self.widen = nn.Linear(channels, 4 * channels)
        self.narrow = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), EPSILON))

    def forward(self, x: Tensor) -> Tensor:
        """Add the residual to [batch, channels, height, width]."""
        normalised = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        residual: Tensor = self.scale * self.narrow(F.gelu(self.widen(normalised)))
        return x + residual.permute(0, 3, 1, 2)


class ConvNeXtEncoder(nn.Sequential):
    """Frames → embeddings: for each stride, a convolution that downsamples by it and one block.

    Args:
        strides: downsampling factor of each stage.
        channels: of all stages but the last.
        outputs: channels of the last stage, the embedding.

    >>> ConvNeXtEncoder([4, 4, 2])(torch.zeros(1, 3, 64, 128)).shape
    torch.Size([1, 16, 2, 4])
    """

    def __init__(self, strides: Sequence[int], channels: int = 64, outputs: int = 16) -> None:
        stages: list[nn.Module] = []
        widths = [3, *[channels] * (len(strides) - 1), outputs]
        for (before, after), stride in zip(pairwise(widths), strides, strict=True):
            down = nn.Conv2d(before, after, stride, stride)
            # Of pictures the outcome is normalised, later what comes in.
            stages += [ChannelNorm(before), down] if stages else [down, ChannelNorm(after)]
            stages.append(ConvNeXtBlock(after))
        super().__init__(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
