"""The strongest neurons of every cell, against maps that all exist at once and are sorted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xinc_lightning.canvas import Canvas
from xinc_lightning.canvas.strongest import Strongest, cell_areas
from xinc_lightning.canvas.sweep import TorchSweep
from xinc_lightning.networks import FFN, NeRV, pixel_grid


def naive(maps, cell):
    """Σ|c| of every neuron over every cell, [rows, cols, neurons], by loops over the cells."""
    height, width = maps.shape[1:]
    return np.array(
        [
            [np.abs(maps[:, y : y + cell, x : x + cell]).sum((1, 2)) for x in range(0, width, cell)]
            for y in range(0, height, cell)
        ]
    )


def check(found, sums, count):
    """The found neurons have the largest sums, in falling order; rounding may swap near-equal ones."""
    largest = -np.sort(-sums, -1)[..., :count]
    alive = largest > 0
    neurons = found.neurons.numpy()[..., : largest.shape[-1]]
    np.testing.assert_array_equal(neurons >= 0, alive)
    np.testing.assert_allclose(found.sums.numpy()[..., : largest.shape[-1]], largest, rtol=2e-5)
    own = np.take_along_axis(sums, neurons.clip(0), -1)
    np.testing.assert_allclose(own[alive], largest[alive], rtol=2e-5)
    np.testing.assert_allclose(found.totals.numpy(), sums.sum(-1), rtol=2e-5)
    for row in neurons.reshape(-1, neurons.shape[-1]):
        assert len(set(row[row >= 0])) == (row >= 0).sum()


@pytest.mark.parametrize("cell", [1, 3, 4])
@pytest.mark.parametrize(
    ("network", "inputs"),
    [
        (FFN(width=12), pixel_grid(10, 14)),
        (NeRV(12, 20, 9, strides=(2, 2)), torch.tensor([0.2, 0.7])),
    ],
    ids=["ffn", "nerv"],
)
def test_every_layer_against_all_maps_at_once(network, inputs, cell):
    canvas = Canvas(network).at(inputs)
    for layer in canvas:
        for frame in range(layer.frames):
            sums = naive(layer.maps(range(layer.neurons))[:, frame].double().numpy(), cell)
            check(layer.strongest(cell, 8, frame), sums, 8)
            sweep = TorchSweep(layer.terms, layer.select(None), 2**12)
            with torch.no_grad():
                check(sweep.strongest(sweep.chunks(), cell, 8, frame), sums, 8)


def test_double_precision():
    layer = Canvas(NeRV(12, 20, 9, strides=(2, 2)).double()).at(torch.tensor([0.2]).double())["block1"]
    sums = naive(layer.maps(range(layer.neurons))[:, 0].numpy(), 2)
    found = layer.strongest(2)
    np.testing.assert_array_equal(found.neurons.numpy(), np.argsort(-sums, -1)[..., :8])
    np.testing.assert_allclose(found.shares.numpy(), -np.sort(-sums, -1)[..., :8] / sums.sum(-1)[..., None])


def test_some_neurons_only(painted):
    layer = painted(torch.arange(1.0, 6)[:, None, None].expand(5, 2, 2))
    assert layer.strongest(count=2).neurons[0, 0].tolist() == [4, 3]
    some = layer.strongest(count=4, neurons=[3, 0, 2])
    assert some.neurons[0, 0].tolist() == [3, 2, 0, -1]
    assert some.totals[0, 0] == 4 + 3 + 1


def test_ties_are_ordered_by_index_and_dead_neurons_excluded(painted):
    maps = torch.zeros(300, 2, 3)
    maps[[7, 150, 299]] = -1.0
    maps[200, 0, 0] = 2.0
    found = painted(maps).strongest(count=5)
    assert found.neurons[0, 0].tolist() == [200, 7, 150, 299, -1]
    assert found.neurons[1, 2].tolist() == [7, 150, 299, -1, -1]
    assert found.shares[1, 2].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])
    assert painted(torch.zeros(3, 2, 3)).strongest().shares.sum() == 0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_the_order_of_the_maps_does_not_matter(sizes, count, parts):
    """However the neurons are divided, with many equal ones among them."""
    maps = torch.tensor(sizes, dtype=torch.float32)[:, None, None].expand(-1, 1, 1)
    whole = Strongest.nothing((1, 1), 1, count, maps.device)
    split = whole.merged(
        whole.with_maps(indices, maps[indices])
        for indices in torch.arange(len(sizes)).flip(0).tensor_split(parts)
    )
    expected = sorted((i for i, size in enumerate(sizes) if size), key=lambda i: (-sizes[i], i))[:count]
    expected += [-1] * (count - len(expected))
    assert split.neurons[0, 0].tolist() == expected
    assert whole.with_maps(torch.arange(len(sizes)), maps).neurons[0, 0].tolist() == expected
    assert split.totals.item() == sum(sizes)


def test_not_finite_neurons_are_not_among_the_strongest(painted):
    maps = torch.ones(3, 1, 2)
    maps[1] = torch.nan
    assert painted(maps).strongest(count=3).neurons[0, 0].tolist() == [0, 2, -1]


def test_areas_of_cut_off_cells():
    assert cell_areas((5, 4), 2).tolist() == [[4, 4], [4, 4], [2, 2]]


def test_errors(painted):
    layer = painted(torch.ones(2, 2, 2))
    with pytest.raises(ValueError, match="cell and count must be at least 1, got 0 and 8"):
        layer.strongest(0)
    with pytest.raises(IndexError, match="frame 3 of layer 'toy': its frames are 0 … 0"):
        layer.strongest(frame=3)
    with pytest.raises(IndexError, match="neuron 2 of layer 'toy'"):
        layer.strongest(neurons=[2])
