"""A whole network as bytes: everything that a decoder needs besides the architecture."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from xinc_lightning.compression.coding import CodedError, decode, encode
from xinc_lightning.compression.quantization import quantize_weights


def encode_network(network: nn.Module, bits: float | Mapping[str, float] = 8, channel_dims: int = 1) -> bytes:
    """A network's buffers unchanged (an FFN's frequencies B), then its parameters, quantised and entropy coded.

    Args:
        network: the network.
        bits: bits per parameter of the quantisation before entropy coding, or those of each parameter by name.
        channel_dims: see :func:`~xinc_lightning.compression.quantize`.
    """
    raw = b"".join(buffer.cpu().contiguous().numpy().tobytes() for buffer in _buffers(network).values())
    return raw + encode(quantize_weights(dict(network.named_parameters()), bits, channel_dims))


def decode_network(coded: bytes, architecture: nn.Module, channel_dims: int = 1) -> dict[str, Tensor]:
    """The state dict that :func:`encode_network` stored, on the CPU.

    Args:
        coded: the bytes; untrusted.
        architecture: a network of the same architecture; its weights and buffers are not used.
        channel_dims: as given to :func:`encode_network`.

    Raises:
        CodedError: if the bytes are not those of such a network.
    """
    state, start = {}, 0
    for name, like in _buffers(architecture).items():
        kind = torch.empty(0, dtype=like.dtype).numpy().dtype
        if len(coded) - start < like.numel() * kind.itemsize:
            raise CodedError("the buffers are cut short")
        values = np.frombuffer(coded, kind, like.numel(), start)
        state[name] = torch.from_numpy(values.copy()).reshape(like.shape)
        start += values.nbytes
    shapes = {name: parameter.shape for name, parameter in architecture.named_parameters()}
    quantized = decode(coded[start:], shapes, channel_dims)
    return {**state, **{name: weight.dequantize() for name, weight in quantized.items()}}


def _buffers(network: nn.Module) -> Mapping[str, Tensor]:
    """Persistent buffers of a network."""
    parameters = dict(network.named_parameters())
    return {name: value for name, value in network.state_dict().items() if name not in parameters}
