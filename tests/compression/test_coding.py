"""Quantisation and entropy coding."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.compression import (
    decode,
    encode,
    quantize,
    quantize_weights,
)


@given(st.integers(1, 12), st.integers(0, 2**31), st.floats(1e-6, 1e3))
def test_rounding_error_is_at_most_half_a_level(bits, seed, size):
    weight = torch.randn(5, 7, generator=torch.Generator().manual_seed(seed)) * size
    quantized = quantize(weight, bits)
    assert quantized.levels.min() >= 0
    assert quantized.levels.max() < 2**bits
    spread = weight.amax(1) - weight.amin(1)
    # scales are rounded up to bfloat16: at most 2^-7 coarser than the spread asks for
    assert (quantized.scale[:, 0] <= spread / (2**bits - 1) * (1 + 2**-7)).all()
    error = (quantized.dequantize() - weight).abs()
    assert (error <= quantized.scale * 0.5 + 1e-5 * size).all()


def test_constant_and_zero_weights_survive():
    weights = {"a": torch.full((3, 4), 2.5), "b": torch.zeros(6)}
    quantized = quantize_weights(weights)
    for name, weight in weights.items():
        torch.testing.assert_close(quantized[name].dequantize(), weight)


@pytest.mark.parametrize("bits", [0, 13])
def test_bits_out_of_range(bits):
    with pytest.raises(ValueError, match=f"bits must be between 1 and 12, got {bits}"):
        quantize(torch.ones(2, 2), bits)


def test_infinite_weights_are_rejected():
    with pytest.raises(ValueError, match="infinite"):
        quantize(torch.tensor([[1.0, math.inf]]))


@pytest.mark.parametrize(("bits", "channel_dims"), [(8, 1), (3, 2), (12, 1)])
def test_decoding_inverts_coding(bits, channel_dims):
    torch.manual_seed(0)
    weights = {"w": torch.randn(4, 3, 5), "b": torch.randn(4), "k": torch.randn(2, 3, 3, 3)}
    quantized = quantize_weights(weights, bits, channel_dims)
    decoded = decode(
        encode(quantized, bits), {name: w.shape for name, w in weights.items()}, bits, channel_dims
    )
    for name in weights:
        assert torch.equal(decoded[name].dequantize(), quantized[name].dequantize())


def test_coded_size_is_near_the_entropy():
    torch.manual_seed(0)
    quantized = quantize_weights({"w": torch.randn(10, 20_000)})
    counts = torch.bincount(quantized["w"].levels.flatten(), minlength=256).float()
    share = counts[counts > 0] / counts.sum()
    entropy_bytes = -(share * share.log2()).sum().item() * 200_000 / 8
    overhead = 4 * 256 + 10 * (2 + 4)
    assert abs(len(encode(quantized)) - overhead - entropy_bytes) < 0.005 * entropy_bytes
