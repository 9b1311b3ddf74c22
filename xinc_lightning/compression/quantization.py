"""Quantisation of weights: evenly spaced levels around zero, with one step for each matrix."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from xinc_lightning.errors import UserError

MIN_BITS, MAX_BITS = 2, 12
"""Bits per weight of the quantisation before entropy coding."""


@dataclass(frozen=True)
class Quantized:
    """A weight tensor as integer multiples of a step, one step for each of its matrices.

    A tensor is a stack of matrices: one, or, where an axis of networks leads, one per network. Zero is a level, so that
    what was pruned stays exactly zero.

    Args:
        levels: [matrices, rows, columns, footprint] integers; a row is an output channel, a column an input channel,
            the footprint a kernel's positions.
        steps: [matrices] size of a level, float32; 0 for a matrix of zeros.
        shape: shape of the tensor.
    """

    levels: Tensor
    steps: Tensor
    shape: torch.Size

    def dequantize(self) -> Tensor:
        """The decoded float32 tensor, in memory as an ordinary tensor is."""
        return (self.levels.float() * self.steps[:, None, None, None]).reshape(self.shape)


def quantize(tensor: Tensor, bits: float = 8, channel_dims: int = 1) -> Quantized:
    """Round a weight tensor to about 2^bits evenly spaced levels between ± each matrix's largest magnitude.

    >>> quantize(torch.tensor([[0.0, 1.0, -3.0]]), bits=3).levels.flatten()
    tensor([ 0,  1, -3], dtype=torch.int32)

    Args:
        tensor: the weights.
        bits: 2 to 12; in between, the levels are ±(2^(bits − 1) − 1), rounded.
        channel_dims: leading axes that index output channels; all but the last of them index matrices.

    Raises:
        UserError: for bits out of range, or weights that are not finite.
    """
    if not MIN_BITS <= bits <= MAX_BITS:
        raise UserError(f"bits must be between {MIN_BITS} and {MAX_BITS}, got {bits}.")
    if not tensor.isfinite().all():
        raise UserError("Weights that are infinite or not a number cannot be quantised.")
    values = tensor.detach().float().reshape(matrix_shape(tensor.shape, channel_dims))
    steps = values.abs().amax((1, 2, 3)) / round(2 ** (bits - 1) - 1)
    # A step so small that its multiples are not exact in float32 is no step.
    steps = torch.where(steps > torch.finfo(steps.dtype).tiny, steps, torch.zeros_like(steps))
    divisors = torch.where(steps > 0, steps, torch.ones_like(steps))[:, None, None, None]
    levels = (values / divisors).round().int() * (steps > 0)[:, None, None, None]
    return Quantized(levels.int(), steps, tensor.shape)


def quantize_weights(
    weights: Mapping[str, Tensor], bits: float | Mapping[str, float] = 8, channel_dims: int = 1
) -> dict[str, Quantized]:
    """Quantise named parameters.

    Args:
        weights: name → parameter.
        bits: of all parameters, or of each by name.
        channel_dims: see :func:`quantize`.
    """
    return {
        name: quantize(weight, bits if isinstance(bits, int | float) else bits[name], channel_dims)
        for name, weight in weights.items()
    }


def matrix_shape(shape: torch.Size, channel_dims: int = 1) -> tuple[int, int, int, int]:
    """Matrices, rows, columns and footprint of a weight tensor; a vector of biases is one row.

    >>> matrix_shape(torch.Size([496, 37, 3, 3])), matrix_shape(torch.Size([30, 104]), channel_dims=2)
    ((1, 496, 37, 9), (30, 1, 104, 1))
    """
    stack = channel_dims - 1
    matrices, rest = math.prod(shape[:stack]), shape[stack:]
    if len(rest) < 2:
        return matrices, 1, math.prod(rest), 1
    return matrices, rest[0], rest[1], math.prod(rest[2:])
