"""Entropy coding of quantised weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xinc_lightning.compression import CodedError, decode, encode, quantize_weights


def shapes_of(weights):
    return {name: weight.shape for name, weight in weights.items()}


def assert_decodes(weights, bits=8, channel_dims=1) -> int:
    quantized = quantize_weights(weights, bits, channel_dims)
    coded = encode(quantized)
    decoded = decode(coded, shapes_of(weights), channel_dims)
    for name in weights:
        assert torch.equal(decoded[name].dequantize(), quantized[name].dequantize())
    return len(coded)


def entropy_bytes(levels: torch.Tensor) -> float:
    counts = torch.unique(levels, return_counts=True)[1].double()
    return float(-(counts * (counts / counts.sum()).log2()).sum()) / 8


@pytest.mark.parametrize(("bits", "channel_dims"), [(2, 1), (3, 2), (8, 1), (12, 1)])
def test_decoding_inverts_coding(bits, channel_dims):
    weights = {"w": torch.randn(4, 3, 5), "b": torch.randn(4), "k": torch.randn(2, 3, 3, 3)}
    assert_decodes(weights, bits, channel_dims)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.integers(2, 12),
    st.floats(0, 1),
)
def test_any_shape_and_share_of_zeros_decodes(seed, shape, bits, share):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(shape, generator=generator)
    kept = torch.rand(shape[:2], generator=generator) >= share
    weight *= kept.reshape(*kept.shape, *[1] * (len(shape) - kept.ndim))
    assert_decodes({"w": weight}, bits)


def test_weights_of_zeros_take_four_bytes_each():
    assert assert_decodes({"w": torch.zeros(50, 50), "b": torch.zeros(50)}) == 4 + 2 * 4


def test_normal_weights_take_their_entropy():
    weight = torch.randn(100, 2000)
    size = assert_decodes({"w": weight})
    assert size < 1.005 * entropy_bytes(quantize_weights({"w": weight})["w"].levels)


def test_evenly_spread_weights_take_their_entropy():
    """No bell fits them: they have a histogram."""
    weight = torch.rand(100, 2000) * 2 - 1
    size = assert_decodes({"w": weight})
    assert size < 1.005 * entropy_bytes(quantize_weights({"w": weight})["w"].levels)


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_and_columns_of_different_scale_take_less_than_one_histogram(axis):
    scales = torch.logspace(-2, 0, 200).unsqueeze(1 - axis)
    weight = torch.randn(200, 200) * scales
    size = assert_decodes({"w": weight})
    assert size < 0.85 * entropy_bytes(quantize_weights({"w": weight})["w"].levels)


def test_heavy_tails_take_less_than_a_normal_distribution_would():
    weight = torch.from_numpy(np.random.default_rng(0).standard_t(3, (100, 1000)))
    size = assert_decodes({"w": weight})
    assert size < 1.03 * entropy_bytes(quantize_weights({"w": weight})["w"].levels)


def test_pruned_kernels_take_only_their_mask():
    kept = torch.rand(104, 31) < 0.3
    weight = torch.randn(104, 31, 3, 3)
    full, pruned = assert_decodes({"w": weight}), assert_decodes({"w": weight * kept[..., None, None]})
    mask = kept.numel() * 0.8813 / 8  # the entropy of 30 %
    assert pruned < 0.3 * full * 1.03 + 1.05 * mask + 60


def test_whole_channels_that_are_gone_cost_next_to_nothing():
    rows, columns = torch.rand(200) < 0.5, torch.rand(50) < 0.5
    weight = torch.randn(200, 50, 3, 3)
    pruned = assert_decodes({"w": weight * rows[:, None, None, None] * columns[:, None, None]})
    dense = assert_decodes({"w": weight[rows][:, columns]})
    assert pruned < dense + 100


def test_damaged_bytes_are_refused_or_decode_to_weights():
    weights = {"w": torch.randn(20, 10, 3, 3) * (torch.rand(20, 10, 1, 1) < 0.5), "b": torch.randn(20)}
    coded = encode(quantize_weights(weights))
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(coded)
        damaged[random.integers(min(len(coded), 120))] = random.integers(256)
        try:
            decoded = decode(bytes(damaged), shapes_of(weights))
        except CodedError:
            continue
        assert decoded["w"].dequantize().isfinite().all()
    for length in (0, 3, 10):
        with pytest.raises(CodedError):
            decode(coded[:length], shapes_of(weights))
