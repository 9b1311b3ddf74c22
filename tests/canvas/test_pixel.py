"""Contributions at a pixel are those of the whole maps there."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.canvas import Canvas
from xinc_lightning.canvas.pixel import contributions_at
from xinc_lightning.networks import FFN, NeRV, pixel_grid

PLACES = [(0, 0), (0, 31), (15, 0), (15, 31), (7, 9), (8, 16), (1, 30), (14, 2)]


@pytest.fixture(scope="module")
def nerv():
    torch.manual_seed(1)
    return Canvas(NeRV(16, 32, 6, (2, 2, 2), minimum_channels=4)).at(torch.tensor([0.0, 0.4]))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("layer", ["block1", "block2", "block3", "head"])
def test_of_a_convolution(nerv, layer, place):
    row, col = place
    layer = nerv[layer]
    expected = layer.maps(range(layer.neurons))[:, :, row, col]
    torch.testing.assert_close(contributions_at(layer.terms, row, col), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kernels", [(1, 3, 5), (4, 2, 3)])
def test_of_kernels_of_any_size_and_an_activation_that_is_not_zero_at_zero(nerv, kernels):
    terms = nerv["block1"].terms
    steps = tuple(
        replace(step, kernel=(k, k), activation=torch.cos)
        for step, k in zip(terms.steps, kernels, strict=True)
    )
    terms = replace(terms, steps=steps, activation=torch.cos)
    every = terms.maps(torch.arange(terms.neurons))
    for row, col in PLACES:
        torch.testing.assert_close(
            contributions_at(terms, row, col), every[:, :, row, col], rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("neuron", ["input", "output", "weight"])
def test_of_a_linear_layer(neuron):
    torch.manual_seed(1)
    canvas = Canvas(FFN(width=8), neuron=neuron).at(pixel_grid(4, 6))
    for layer in canvas:
        expected = layer.maps(range(layer.neurons))[:, :, 3, 5]
        torch.testing.assert_close(contributions_at(layer.terms, 3, 5), expected)


def test_a_pixel_outside_is_refused(nerv):
    with pytest.raises(IndexError, match="rows are 0 … 15, columns 0 … 31"):
        contributions_at(nerv["head"].terms, 16, 0)


def test_the_oracle_pads_with_zeros(nerv):
    """If this changes, so must the window."""
    step = nerv["block3"].terms.steps[0]
    assert step(torch.ones(1, 1, 2, 2))[0, 0, 0, 0] == F.avg_pool2d(torch.ones(1, 2, 2), 3, 1, 1)[0, 0, 0]
