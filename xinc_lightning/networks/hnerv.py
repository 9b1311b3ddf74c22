"""HNeRV: a convolutional decoder of a small embedding of each frame (Chen et al. 2023)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.networks.layers import Activation, ConvLayer
from xinc_lightning.networks.nerv import KERNEL, NeRVBlock, block_widths, shifted_tanh
from xinc_lightning.networks.strides import solved_strides, stem_grid

LARGEST_KERNEL = 5

Output = Literal["tanh", "sigmoid", "identity"]

HEADS: dict[Output, tuple[Activation | None, Activation | None]] = {
    "tanh": (torch.tanh, shifted_tanh),
    "sigmoid": (lambda x: torch.tanh(x / 2), torch.sigmoid),  # (tanh(x / 2) + 1) / 2
    "identity": (None, None),
}
"""Of each output, the activation without its shift, and all of it; see :class:`ConvLayer`."""


class HNeRV(nn.Module):
    """Embedding → stem → blocks → head → frame (§3.1 of its paper).

    The kernels of the blocks are 1, 3, 5, 5 … and their channels decrease slowly, so that parameters are where pixels
    are. The encoder that makes embeddings of frames is not part of it: what it made is stored.

    Args:
        frames: of the clip, each with its embedding.
        height: rows of a frame.
        width: columns of a frame.
        channels: of the stem, which determine those of the blocks.
        strides: upsampling factor of each block; by default solved, see :func:`solved_strides`.
        embedding: channels of an embedding.
        reduction: factor by which each block has fewer channels than the one before it.
        minimum_channels: fewest channels of a block.
        output: ``tanh`` for (tanh(x) + 1) / 2 or ``sigmoid``, both in [0, 1], or ``identity``.

    Attributes:
        embeddings: [frames, embedding, rows, columns]; stored like weights, but written, not trained.

    Raises:
        UserError: if no strides fit the resolution, or the given ones do not.
    """

    def __init__(
        self,
        frames: int,
        height: int = 128,
        width: int = 256,
        channels: int = 32,
        strides: Sequence[int] | None = None,
        embedding: int = 16,
        reduction: float = 1.2,
        minimum_channels: int = 12,
        output: Output = "tanh",
    ) -> None:
        super().__init__()
        self.strides = list(strides or solved_strides(height, width))
        self.output = output
        grid = stem_grid(height, width, self.strides)
        self.embeddings = nn.Parameter(torch.zeros(frames, embedding, *grid), requires_grad=False)
        self.stem = nn.Conv2d(embedding, channels, 1)
        widths = block_widths(channels, len(self.strides), reduction, minimum_channels)
        self.blocks = nn.Sequential(
            *(
                NeRVBlock(widths[i], widths[i + 1], stride, min(1 + 2 * i, LARGEST_KERNEL))
                for i, stride in enumerate(self.strides)
            )
        )
        self.head = nn.Conv2d(widths[-1], 3, KERNEL, padding=KERNEL // 2)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Render embeddings [batch, embedding, rows, columns] as [batch, 3, height, width] frames."""
        x = self.head(self.blocks(F.gelu(self.stem(embeddings))))
        picture = HEADS[self.output][1]
        return picture(x) if picture else x

    def canvas_layers(self) -> list[ConvLayer]:
        """The layers ``stem``, ``block1`` … ``head`` with their activations, for the canvas engine."""
        blocks = [
            ConvLayer(f"block{i + 1}", block.conv, block.stride, F.gelu)  # type: ignore[arg-type]
            for i, block in enumerate(self.blocks)
        ]
        return [
            ConvLayer("stem", self.stem, 1, F.gelu),
            *blocks,
            ConvLayer("head", self.head, 1, *HEADS[self.output]),
        ]
