"""A whole network as bytes: everything that a decoder needs besides the architecture."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from xinc_lightning.compression.coding import decode, encode, quantize_weights


def encode_network(network: nn.Module, bits: int = 8, channel_dims: int = 1) -> bytes:
    """A network's buffers unchanged (an FFN's frequencies B), then its parameters, quantised and entropy coded.

    Args:
        network: the network.
        bits: bits per parameter of the quantisation before entropy coding.
        channel_dims: see :func:`~xinc_lightning.compression.quantize_weights`.
    """
    raw = b"".join(buffer.cpu().contiguous().numpy().tobytes() for buffer in _buffers(network).values())
    return raw + encode(quantize_weights(dict(network.named_parameters()), bits, channel_dims), bits)


def decode_network(
    coded: bytes, architecture: nn.Module, bits: int = 8, channel_dims: int = 1
) -> dict[str, Tensor]:
    """The state dict that :func:`encode_network` stored, on the CPU.

    Args:
        coded: the bytes.
        architecture: a network of the same architecture; its weights and buffers are not used.
        bits: as given to :func:`encode_network`.
        channel_dims: likewise.
    """
    state, start = {}, 0
    for name, like in _buffers(architecture).items():
        kind = torch.empty(0, dtype=like.dtype).numpy().dtype
        values = np.frombuffer(coded, kind, like.numel(), start)
        state[name] = torch.from_numpy(values.copy()).reshape(like.shape)
        start += values.nbytes
    shapes = {name: parameter.shape for name, parameter in architecture.named_parameters()}
    quantized = decode(coded[start:], shapes, bits, channel_dims)
    return {**state, **{name: weight.dequantize() for name, weight in quantized.items()}}


def _buffers(network: nn.Module) -> Mapping[str, Tensor]:
    """Persistent buffers of a network."""
    parameters = dict(network.named_parameters())
    return {name: value for name, value in network.state_dict().items() if name not in parameters}
