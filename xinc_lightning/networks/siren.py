"""SIREN: an MLP with sines for activations that stores one image (Sitzmann et al. 2020)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from xinc_lightning.errors import UserError
from xinc_lightning.networks.coordinates import CoordinateNetwork
from xinc_lightning.networks.encoding import NoEncoding


class SIREN(CoordinateNetwork):
    """Linear layers with x → sin(ω₀·x) between them and the identity after the last.

    The paper's network for images (``width=256``, three hidden layers between the first and the last) has 198,915
    parameters. Weights start as in its §3.2, so that every sine but the first is taken of a normal variable of about
    unit variance (Theorem 1.8). Biases start as PyTorch's in the first layer, and as these over ω₀ in the others: the
    paper writes sin(ω₀·Wx + b). Its released code computes sin(ω₀·(Wx + b)), where such a bias adds a variance of
    ω₀² / (3·width), 1.2 at width 256.

    Args:
        width: units of each hidden layer.
        depth: number of linear layers.
        omega_0: ω₀, the factor on what the sines are taken of, in the first layer and all others.

    Raises:
        UserError: for an ``omega_0`` that is not positive.

    >>> sum(p.numel() for p in SIREN().parameters())
    198915
    """

    def __init__(self, width: int = 256, depth: int = 5, omega_0: float = 30.0) -> None:
        if not 0 < omega_0 < math.inf:
            raise UserError(f"omega_0 must be more than 0, such as 30, got {omega_0}.")
        super().__init__(NoEncoding(), 2, width, depth)
        self.omega_0 = omega_0
        first, *others = (layer.linear for layer in self.canvas_layers())
        with torch.no_grad():
            first.weight.uniform_(-1 / 2, 1 / 2)
            bound = math.sqrt(6 / width) / omega_0
            for layer in others:
                layer.weight.uniform_(-bound, bound)
                layer.bias.div_(omega_0)

    def activation(self, values: Tensor) -> Tensor:
        """sin(ω₀·x)."""
        return torch.sin(self.omega_0 * values)

    def hidden(self, linear: Callable[[Tensor, Tensor], Tensor], weight: Tensor, bias: Tensor) -> Tensor:
        """A hidden layer; ω₀ multiplies its weights, which are fewer than its values."""
        return torch.sin(linear(self.omega_0 * weight, self.omega_0 * bias))
