"""The Fourier feature network: one small MLP that stores one image (§3.1, §6.1)."""

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from xinc_lightning.networks.coordinates import CoordinateNetwork
from xinc_lightning.networks.encoding import FourierEncoding


class FFN(CoordinateNetwork):
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
        frequencies = frequencies or width
        super().__init__(FourierEncoding(frequencies, scale), 2 * frequencies, width, depth)

    def activation(self, values: Tensor) -> Tensor:
        """ReLU."""
        return torch.relu(values)

    def hidden(self, linear: Callable[[Tensor, Tensor], Tensor], weight: Tensor, bias: Tensor) -> Tensor:
        """A hidden layer."""
        return linear(weight, bias).relu_()  # in place on a view, autograd would copy whole gradients

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
