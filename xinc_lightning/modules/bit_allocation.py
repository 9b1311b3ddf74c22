"""Bits for each tensor of a network: the smallest file within a loss of PSNR."""

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from xinc_lightning.compression import MAX_BITS, MIN_BITS, quantize
from xinc_lightning.errors import UserError
from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.quality import psnr

PROBE = 6.0
"""Bits at which each tensor is quantised alone, to see what it loses."""

ROUNDS = 7
"""Halvings of the interval in which the whole network's bits are searched: to 0.1 bits."""


class _Quantizer:
    """PSNR of a network whose tensors are quantised to given bits.

    Args:
        module: the network, in evaluation mode.
        frames: [frames, 3, height, width] ground truth.
    """

    def __init__(self, module: INRModule, frames: Tensor) -> None:
        self._copy = copy.deepcopy(module)
        self._frames = frames
        self.weights = {name: p.detach().clone() for name, p in module.network.named_parameters()}

    @torch.no_grad()
    def psnr(self, bits: Mapping[str, float]) -> float:
        """Over the clip; tensors that are not named keep their float weights."""
        for name, parameter in self._copy.network.named_parameters():
            weight = self.weights[name]
            if name in bits:
                weight = quantize(weight, bits[name], self._copy.channel_dims).dequantize()
            parameter.copy_(weight)
        return psnr(self._copy.reconstruct().to(self._frames), self._frames)


def smallest_within(module: INRModule, frames: Tensor, max_loss: float) -> dict[str, float]:
    """Bits of each parameter such that the file is small and its PSNR at most ``max_loss`` dB below the network's.

    A bit more makes a tensor's error a quarter. So where every parameter costs the same bits, a loss D_i at the probed
    bits of a tensor of n_i parameters asks for ½·log2(D_i / n_i) bits more than the others, plus a constant that is the
    same for all, which is searched by halving with the PSNR of the whole network.

    Raises:
        UserError: if ``max_loss`` is not above 0, or even the most bits lose more.
    """
    if not 0 < max_loss < math.inf:
        raise UserError(f"max-loss is a number of dB above 0, such as 0.1, got {max_loss}.")
    quantizer = _Quantizer(module, frames)
    whole = quantizer.psnr({})
    needed = {}
    for name, weight in quantizer.weights.items():
        loss = whole - quantizer.psnr({name: PROBE})
        needed[name] = PROBE + 0.5 * math.log2(max(loss, 1e-6) / weight.numel())
    highest = max(needed.values())

    def at(bits: float) -> dict[str, float]:
        """Bits of all tensors, so many of the one that needs most."""
        return {n: min(max(bits + b - highest, MIN_BITS), MAX_BITS) for n, b in needed.items()}

    low, high = float(MIN_BITS), float(MAX_BITS)
    if whole - quantizer.psnr(at(high)) > max_loss:
        least = {name: float(MAX_BITS) for name in needed}
        if (loss := whole - quantizer.psnr(least)) > max_loss:
            raise UserError(f"max-loss {max_loss:g} is out of reach: {MAX_BITS} bits lose {loss:.3f} dB.")
        return least
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        low, high = (low, middle) if whole - quantizer.psnr(at(middle)) <= max_loss else (middle, high)
    return at(high)
