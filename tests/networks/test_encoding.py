"""Coordinates and encodings."""

import math

import numpy as np
import pytest
import torch

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
