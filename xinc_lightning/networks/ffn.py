"""The Fourier feature network: one small MLP that stores one image (§3.1, §6.1)."""

import re
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from xinc_lightning.errors import UserError
from xinc_lightning.networks.encoding import FoldedGrid, FourierEncoding, affine
from xinc_lightning.networks.layers import LinearLayer


class FFN(nn.Module):
    """Fourier features, then linear layers with ReLU between them and the identity after the last.

    The paper's network (``width=104``) has 32,971 parameters.

    Args:
        width: units of each hidden layer.
        depth: number of linear layers.
        scale: standard deviation of the encoding's frequencies.
        frequencies: number of frequencies of the encoding; as many as ``width`` unless given.

    >>> sum(p.numel() for p in FFN().parameters())
    32971
    """

    def __init__(
        self, width: int = 104, depth: int = 3, scale: float = 10.0, frequencies: int | None = None
    ) -> None:
        super().__init__()
        self.encoding = FourierEncoding(frequencies or width, scale)
        sizes = [2 * (frequencies or width), *[width] * (depth - 1), 3]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise(sizes))

    def forward(self, coordinates: Tensor) -> Tensor:
        """Render [..., 2] coordinates as [..., 3] colours."""
        values: Tensor = self.encoding(coordinates)
        for layer in self.layers[:-1]:
            values = torch.relu(layer(values))
        colours: Tensor = self.layers[-1](values)
        return colours

    def canvas_layers(self) -> list[LinearLayer]:
        """The layers ``layer1`` … with their activations, for the canvas engine."""
        last = len(self.layers) - 1
        return [
            LinearLayer(f"layer{i + 1}", layer, None if i == last else torch.relu)  # type: ignore[arg-type]
            for i, layer in enumerate(self.layers)
        ]

    @staticmethod
    def from_released(weights: Mapping[str, Tensor]) -> "FFN":
        """Build the FFN whose weights the paper's authors released.

        Their names map to ours as ``net.{i}.linear.{weight,bias}`` → ``layers.{i}.{weight,bias}`` and
        ``positional_encoding.B`` → ``encoding.B``.
        """
        ours = {
            re.sub(r"^net\.(\d+)\.linear\.", r"layers.\1.", name).replace(
                "positional_encoding", "encoding"
            ): w
            for name, w in weights.items()
        }
        ffn = FFN(len(ours["layers.0.bias"]), depth=len(ours) // 2, frequencies=len(ours["encoding.B"]))
        ffn.load_state_dict(ours)
        return ffn


class FFNStack(nn.Module):
    """One independent FFN per frame, trained together: every weight carries a leading frame axis.

    All of them start from the same weights and encoding, as separate runs with the same seed would, and no
    gradient crosses between them.

    Args:
        frames: number of networks.
        width: see :class:`FFN`.
        depth: see :class:`FFN`.
        scale: see :class:`FFN`.
    """

    def __init__(self, frames: int = 1, width: int = 104, depth: int = 3, scale: float = 10.0) -> None:
        super().__init__()
        if frames < 1:
            raise UserError(f"frames must be at least 1, got {frames}.")
        one = FFN(width, depth, scale)
        self.width, self.depth, self.scale = width, depth, scale
        self.encoding = one.encoding
        layers = [layer.linear for layer in one.canvas_layers()]
        self.weights = nn.ParameterList(layer.weight.detach().repeat(frames, 1, 1) for layer in layers)
        self.biases = nn.ParameterList(layer.bias.detach().repeat(frames, 1) for layer in layers)

    def forward(self, grid: FoldedGrid, positions: Tensor | None = None) -> Tensor:
        """Render the frames at ``positions``, all of them by default, as [positions, 3, pixels].

        Pixels are the last axis, here and in between: matrix products are faster that way.

        Args:
            grid: ``self.encoding.folded(height, width)``.
            positions: [positions] indices of frames.
        """
        values: Tensor | None = None
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if positions is not None and len(weight) > 1:
                weight, bias = weight.index_select(0, positions), bias.index_select(0, positions)
            if len(weight) == 1:  # a plain matrix product is faster than a batch of one
                weight, bias = weight[0], bias[0]
            values = grid.linear(weight, bias) if values is None else affine(weight, bias, values)
            if i < self.depth - 1:
                values = values.relu_()  # in place on a view, autograd would copy whole gradients
        assert values is not None
        colours = grid.unfold(values)
        return colours if colours.ndim == 3 else colours[None]

    def frame(self, index: int) -> FFN:
        """The network of one frame, detached from the stack."""
        like = self.encoding.B
        with torch.device("meta"):  # so that no random numbers are drawn, which would change the training
            ffn = FFN(self.width, self.depth, self.scale).to(like.dtype)
        ffn.to_empty(device=like.device)
        state = {"encoding.B": self.encoding.B}
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            state[f"layers.{i}.weight"], state[f"layers.{i}.bias"] = weight[index], bias[index]
        ffn.load_state_dict(state)
        return ffn
