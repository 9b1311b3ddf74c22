"""Quantisation and entropy coding of weights."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xinc_lightning.errors import UserError

MAX_BITS = 12
"""With more, the symbol histogram, which is stored with the weights, would be as large as the weights."""


@dataclass(frozen=True)
class Quantized:
    """A weight tensor as integers, with one affine scale per output channel.

    Args:
        levels: [channels, values] integers in [0, 2^bits).
        scale: [channels, 1] size of one level, exactly representable in bfloat16.
        offset: [channels, 1] value of level 0, float32.
        shape: shape of the tensor.
    """

    levels: Tensor
    scale: Tensor
    offset: Tensor
    shape: torch.Size

    def dequantize(self) -> Tensor:
        """The decoded float32 tensor."""
        return (self.levels * self.scale + self.offset).reshape(self.shape)


def quantize(tensor: Tensor, bits: int = 8, channel_dims: int = 1) -> Quantized:
    """Round a weight tensor to 2^bits evenly spaced levels between each channel's extremes.

    Args:
        tensor: the weights.
        bits: 1 to 12.
        channel_dims: leading axes that make up a channel; 0 gives the whole tensor one scale.

    Raises:
        UserError: for bits out of range, or weights that are not finite.

    >>> quantize(torch.tensor([[0.0, 1.0, 3.0]]), bits=2).levels
    tensor([[0, 1, 3]], dtype=torch.int32)
    """
    if not 1 <= bits <= MAX_BITS:
        raise UserError(f"bits must be between 1 and {MAX_BITS}, got {bits}.")
    if not tensor.isfinite().all():
        raise UserError("Weights that are infinite or not a number cannot be quantised.")
    values = tensor.detach().float().reshape(_channels(tensor.shape, channel_dims), -1)
    low, high = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
    scale = _bfloat16_upwards((high - low) / (2**bits - 1))
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))  # a constant channel is all level 0
    levels = ((values - low) / scale).round().clamp(0, 2**bits - 1).int()
    return Quantized(levels, scale, low, tensor.shape)


def quantize_weights(
    weights: Mapping[str, Tensor], bits: int = 8, channel_dims: int = 1
) -> dict[str, Quantized]:
    """Quantise named parameters: matrices and kernels per output channel, bias vectors as one channel.

    Args:
        weights: name → parameter.
        bits: bits per weight before entropy coding.
        channel_dims: number of leading axes that index output channels: 1, or 2 if the first is a frame axis.
    """
    return {
        name: quantize(weight, bits, _channel_dims(weight.shape, channel_dims))
        for name, weight in weights.items()
    }


def encode(quantized: Mapping[str, Quantized], bits: int = 8) -> bytes:
    """Entropy-code quantised weights (range coding, one histogram for all of them).

    Returns:
        Histogram (uint32), scales (bfloat16), offsets (float32), then the coder's words: all that
        :func:`decode` needs besides the network's architecture.
    """
    import constriction

    symbols = torch.cat([q.levels.flatten() for q in quantized.values()]).cpu().numpy().astype(np.int32)
    histogram = np.bincount(symbols, minlength=2**bits).astype(np.uint32)
    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(symbols, _symbol_model(histogram))
    scales = torch.cat([q.scale.flatten() for q in quantized.values()]).cpu().bfloat16().view(torch.int16)
    offsets = torch.cat([q.offset.flatten() for q in quantized.values()]).cpu()
    parts = (histogram, scales.numpy(), offsets.numpy(), encoder.get_compressed())
    return b"".join(part.tobytes() for part in parts)


def decode(
    coded: bytes, shapes: Mapping[str, torch.Size], bits: int = 8, channel_dims: int = 1
) -> dict[str, Quantized]:
    """Read quantised weights back from :func:`encode`'s bytes.

    Args:
        coded: the bytes.
        shapes: name → shape of every parameter, in the order in which they were coded.
        bits: bits per weight before entropy coding.
        channel_dims: as given to :func:`quantize_weights`.
    """
    import constriction

    channels = {name: _channels(shape, _channel_dims(shape, channel_dims)) for name, shape in shapes.items()}
    total = sum(channels.values())
    ends = np.cumsum([4 * 2**bits, 2 * total, 4 * total])
    histogram = np.frombuffer(coded[: ends[0]], np.uint32)
    scales = torch.from_numpy(np.frombuffer(coded[ends[0] : ends[1]], np.int16).copy()).view(torch.bfloat16)
    offsets = torch.from_numpy(np.frombuffer(coded[ends[1] : ends[2]], np.float32).copy())
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(coded[ends[2] :], np.uint32))
    symbols = decoder.decode(_symbol_model(histogram), sum(shape.numel() for shape in shapes.values()))
    levels = torch.from_numpy(symbols)

    quantized, symbol, channel = {}, 0, 0
    for name, shape in shapes.items():
        values = slice(symbol, symbol := symbol + shape.numel())
        rows = slice(channel, channel := channel + channels[name])
        quantized[name] = Quantized(
            levels[values].reshape(channels[name], -1),
            scales[rows].float()[:, None],
            offsets[rows, None],
            shape,
        )
    return quantized


def _symbol_model(histogram: np.ndarray) -> object:
    import constriction

    # One more on every count keeps the model valid when only one symbol occurs.
    probabilities = (histogram + 1.0) / (histogram.sum() + histogram.size)
    return constriction.stream.model.Categorical(probabilities, perfect=False)


def _channel_dims(shape: torch.Size, channel_dims: int) -> int:
    return channel_dims if len(shape) > channel_dims else channel_dims - 1


def _channels(shape: torch.Size, channel_dims: int) -> int:
    return math.prod(shape[:channel_dims])


def _bfloat16_upwards(values: Tensor) -> Tensor:
    rounded = values.bfloat16().float()
    return torch.where(
        rounded < values, torch.nextafter(rounded.bfloat16(), torch.tensor(torch.inf)), rounded
    ).float()
