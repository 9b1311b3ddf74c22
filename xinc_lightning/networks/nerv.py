"""NeRV: a convolutional decoder that stores one video and maps a frame's time to that frame (§3.2, §6.1)."""

import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.networks.encoding import FrameEncoding
from xinc_lightning.networks.layers import ConvLayer
from xinc_lightning.networks.strides import stem_grid
from xinc_lightning.networks.upsampling import gelu_shuffle

KERNEL = 3


def block_widths(channels: int, blocks: int, reduction: float = 1.2, minimum: int = 6) -> list[int]:
    """Channels after the stem and after each block (the parameter balance of HNeRV, §6.1).

    >>> block_widths(37, 3)
    [37, 31, 26, 22]
    """
    widths = [channels]
    for _ in range(blocks):
        widths.append(max(round(widths[-1] / reduction), minimum))
    return widths


def shifted_tanh(x: Tensor) -> Tensor:
    """(tanh(x) + 1) / 2, in [0, 1]."""
    return (torch.tanh(x) + 1) / 2


class NeRVBlock(nn.Module):
    """Convolution, PixelShuffle, GELU."""

    def __init__(self, inputs: int, outputs: int, stride: int, kernel: int = KERNEL) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs * stride**2, kernel, padding=kernel // 2)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Upsample [batch, inputs, h, w] to [batch, outputs, h·stride, w·stride]."""
        return gelu_shuffle(self.conv(x), self.stride)


class NeRV(nn.Module):
    """Time → positional encoding → stem → blocks → head → frame.

    The paper's network (128×256, ``channels=37``) has 978,557 parameters.

    Args:
        height: rows of a frame.
        width: columns of a frame.
        channels: channels of the stem, which determine those of the blocks; ``xinc_lightning.compression`` computes
            them from a target.
        strides: upsampling factor of each block; their product must divide both sides.
        reduction: factor by which each block has fewer channels than the one before it.
        minimum_channels: fewest channels of a block.
        output: ``tanh`` for (tanh(x) + 1) / 2 in [0, 1], ``identity`` as in the released analysis.

    Raises:
        UserError: if the strides do not divide the resolution.

    >>> sum(p.numel() for p in NeRV().parameters())
    978557
    """

    input_dtype = torch.float64
    """Of times, whatever the weights' is: see :class:`FrameEncoding`."""

    def __init__(
        self,
        height: int = 128,
        width: int = 256,
        channels: int = 37,
        strides: Sequence[int] = (4, 2, 2),
        reduction: float = 1.2,
        minimum_channels: int = 6,
        output: Literal["tanh", "identity"] = "tanh",
    ) -> None:
        super().__init__()
        self.grid = stem_grid(height, width, strides)
        self.output = output
        self.encoding = FrameEncoding()
        widths = block_widths(channels, len(strides), reduction, minimum_channels)
        self.stem = nn.Conv2d(2 * len(self.encoding.bases), channels * prod(self.grid), 1)
        self.blocks = nn.Sequential(
            *(NeRVBlock(i, o, r) for i, o, r in zip(widths, widths[1:], strides, strict=False))
        )
        self.head = nn.Conv2d(widths[-1], 3, KERNEL, padding=KERNEL // 2)

    def forward(self, t: Tensor) -> Tensor:
        """Render [batch] times in [0, 1), float64, as [batch, 3, height, width] frames."""
        # The stem is a 1×1 convolution of one pixel, computed as a matrix product.
        x = F.gelu(F.linear(self.encoding(t).flatten(1), self.stem.weight.flatten(1), self.stem.bias))
        # The stem's channels are the grid's values in the order (channel, row, col).
        x = self.head(self.blocks(x.reshape(len(x), -1, *self.grid)))
        return shifted_tanh(x) if self.output == "tanh" else x

    def canvas_layers(self) -> list[ConvLayer]:
        """The layers ``block1`` … ``head`` with their activations, for the canvas engine."""
        blocks = [
            ConvLayer(f"block{i + 1}", block.conv, block.stride, F.gelu)  # type: ignore[arg-type]
            for i, block in enumerate(self.blocks)
        ]
        if self.output == "identity":
            return [*blocks, ConvLayer("head", self.head)]
        return [*blocks, ConvLayer("head", self.head, 1, torch.tanh, shifted_tanh)]

    @staticmethod
    def from_released(
        weights: Mapping[str, Tensor],
        height: int,
        width: int,
        strides: Sequence[int] = (4, 2, 2),
        output: Literal["tanh", "identity"] = "tanh",
    ) -> "NeRV":
        """Build the NeRV from weights named as in the authors' code.

        Their names map to ours as ``decoder.0.conv.downconv`` → ``stem``, ``decoder.{i}.conv.upconv.0`` →
        ``blocks.{i-1}.conv`` and ``head_layer`` → ``head``.
        """
        ours = {}
        for name, weight in weights.items():
            name = name.replace("decoder.0.conv.downconv", "stem").replace("head_layer", "head")
            name = re.sub(r"^decoder\.(\d+)\.conv\.upconv\.0", lambda m: f"blocks.{int(m[1]) - 1}.conv", name)
            ours[name] = weight
        channels = len(ours["stem.weight"]) // prod(stem_grid(height, width, strides))
        minimum = min(6, ours["head.weight"].shape[1])
        nerv = NeRV(height, width, channels, strides, minimum_channels=minimum, output=output)
        nerv.load_state_dict(ours)
        return nerv
