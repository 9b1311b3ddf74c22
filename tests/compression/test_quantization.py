"""Quantisation of weights."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.compression import quantize, quantize_weights
from xinc_lightning.compression.quantization import matrix_shape


@given(st.integers(2, 12), st.integers(0, 2**31), st.floats(1e-6, 1e3))
def test_rounding_error_is_at_most_half_a_level(bits, seed, size):
    weight = torch.randn(5, 7, generator=torch.Generator().manual_seed(seed)) * size
    quantized = quantize(weight, bits)
    assert quantized.levels.abs().max() == 2 ** (bits - 1) - 1
    step = weight.abs().max() / (2 ** (bits - 1) - 1)
    torch.testing.assert_close(quantized.steps[0], step)
    assert ((quantized.dequantize() - weight).abs() <= step * (0.5 + 1e-4)).all()


def test_zero_stays_zero_and_constants_survive():
    weights = {"a": torch.full((3, 4), 2.5), "b": torch.zeros(6), "c": torch.tensor([[0.0, 1.0, -0.7]])}
    quantized = quantize_weights(weights)
    torch.testing.assert_close(quantized["a"].dequantize(), weights["a"])
    assert not quantized["b"].dequantize().any()
    assert quantized["c"].dequantize()[0, 0] == 0


def test_each_matrix_of_a_stack_has_its_own_step():
    quantized = quantize(torch.tensor([[[1.0, -2.0]], [[100.0, 50.0]]]), 8, channel_dims=2)
    torch.testing.assert_close(quantized.steps, torch.tensor([2.0, 100.0]) / 127)


def test_bits_may_lie_between_integers():
    weight = torch.randn(100)
    levels = [int(quantize(weight, bits).levels.abs().max()) for bits in (3, 3.5, 4)]
    assert levels == [3, 5, 7]


@pytest.mark.parametrize("bits", [1, 13])
def test_bits_out_of_range(bits):
    with pytest.raises(ValueError, match=f"bits must be between 2 and 12, got {bits}"):
        quantize(torch.ones(2, 2), bits)


def test_infinite_weights_are_rejected():
    with pytest.raises(ValueError, match="infinite"):
        quantize(torch.tensor([[1.0, math.inf]]))


def test_numbers_too_small_for_a_step_are_zero():
    assert not quantize(torch.full((2, 2), 1e-41)).dequantize().any()


@pytest.mark.parametrize(
    ("shape", "channel_dims", "expected"),
    [
        ((4736, 160, 1, 1), 1, (1, 4736, 160, 1)),
        ((88, 26, 3, 3), 1, (1, 88, 26, 9)),
        ((22,), 1, (1, 1, 22, 1)),
        ((30, 104, 208), 2, (30, 104, 208, 1)),
        ((30, 104), 2, (30, 1, 104, 1)),
    ],
)
def test_shapes_as_matrices(shape, channel_dims, expected):
    assert matrix_shape(torch.Size(shape), channel_dims) == expected
