"""Coordinates and encodings."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from xinc_lightning.networks import FourierEncoding, FrameEncoding, pixel_grid


def test_pixel_grid_is_the_released_one(golden):
    coordinates = np.load(golden / "ffn_tiny_maps.npz")["coordinates"]
    np.testing.assert_array_equal(pixel_grid(16, 32).reshape(-1, 2).numpy(), coordinates)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1), (5, 3)])
def test_pixel_grid_starts_at_minus_one_and_spans_the_longer_axis(height, width):
    grid = pixel_grid(height, width)
    assert grid.shape == (height, width, 2)
    assert (grid[0, 0] == -1).all()
    if max(height, width) > 1:
        assert grid.max() == 1


def test_fourier_encoding_by_hand():
    encoding = FourierEncoding(frequencies=1)
    encoding.B.copy_(torch.tensor([[0.25, 0.0]]))
    features = encoding(torch.tensor([[1.0, 5.0]]))
    torch.testing.assert_close(features, torch.tensor([[1.0, 0.0]]), atol=1e-6, rtol=0)


def test_frame_encoding_by_hand():
    features = FrameEncoding(base=2.0, levels=2)(torch.tensor([0.25]))
    half = math.sqrt(0.5)
    torch.testing.assert_close(features.flatten(), torch.tensor([half, 1.0, half, 0.0]), atol=1e-6, rtol=0)
    assert features.shape == (1, 4, 1, 1)


def test_times_are_encoded_as_the_authors_loader_does(golden):
    """Their times are float64, and so are angles of up to 1.4e8 and the sines of them."""
    theirs = np.load(golden / "nerv_time64.npz")
    encoding = FrameEncoding()
    np.testing.assert_array_equal(encoding.bases, theirs["bases"])
    features = encoding(torch.from_numpy(theirs["t"])).flatten(1)
    assert features.dtype == torch.float32
    np.testing.assert_allclose(features, theirs["features"], atol=1e-6, rtol=0)


def test_float32_angles_make_other_features():
    """Those that networks of version 0.1 were trained with; the exact times of the dyadic frames agree."""
    encoding, before = FrameEncoding(), FrameEncoding()
    before.precision = torch.float32
    times = torch.arange(30).double() / 30
    assert (encoding(times) - before(times)).abs().max() > 1.9
    dyadic = torch.tensor([0, 1 / 8, 1 / 4, 1 / 2]).double()
    torch.testing.assert_close(encoding(dyadic), before(dyadic), atol=1e-5, rtol=0)


SHAPES = [(1, 1), (1, 2), (1, 5), (9, 1), (3, 5), (4, 9), (5, 4)]
"""Of coordinates that are exact in float32."""


@pytest.mark.parametrize("frames", [None, 3])
@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_layer_on_the_folded_grid_equals_layer_on_the_features(height, width, frames):
    torch.manual_seed(0)
    encoding = FourierEncoding(6).double()
    layers = [nn.Linear(12, 4).double() for _ in range(frames or 1)]
    weight = torch.stack([layer.weight for layer in layers])
    bias = torch.stack([layer.bias for layer in layers])
    features = encoding(pixel_grid(height, width).double().reshape(-1, 2))
    expected = torch.stack([layer(features).T for layer in layers])
    if frames is None:
        weight, bias, expected = weight[0], bias[0], expected[0]
    grid = encoding.folded(height, width)
    torch.testing.assert_close(grid.unfold(grid.linear(weight, bias)), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(3, 3), (2, 4)])
def test_gradients_through_the_folded_grid(height, width):
    torch.manual_seed(0)
    grid = FourierEncoding(3).double().folded(height, width)
    weight, bias = (torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in [(2, 4, 6), (2, 4)])
    assert torch.autograd.gradcheck(lambda w, b: grid.unfold(grid.linear(w, b).relu()), (weight, bias))


def test_the_folded_grid_in_float32_is_as_exact_as_float32():
    torch.manual_seed(0)
    encoding = FourierEncoding(32)
    weight, bias = torch.randn(4, 64), torch.zeros(4)
    exact = encoding.double()(pixel_grid(32, 64).double().reshape(-1, 2)) @ weight.double().T
    encoding.float()
    grid = encoding.folded(32, 64)
    error = (grid.unfold(grid.linear(weight, bias)) - exact.T).abs().max()
    features = encoding(pixel_grid(32, 64).reshape(-1, 2))
    assert error <= (features @ weight.T - exact).abs().max()
