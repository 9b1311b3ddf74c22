"""Kinds of neurons: vectors against a loop, known kinds found again, dead and diverged ones left out."""

import numpy as np
import pytest
import torch

from xinc_lightning.analyses import layer_neighbours, neuron_clusters
from xinc_lightning.analyses.neuron_clusters import Earlier, cluster
from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import FFN, ConvLayer, NeRV, pixel_grid

LABELS = torch.arange(48).reshape(6, 8) % 5


class Stack(torch.nn.Module):
    """Neurons that each paint the picture they are given."""

    def __init__(self, pictures):
        super().__init__()
        self.pictures = torch.nn.Parameter(torch.as_tensor(pictures, dtype=torch.float32))
        self.conv = torch.nn.Conv2d(len(pictures), 1, 1, bias=False)
        torch.nn.init.ones_(self.conv.weight)

    def forward(self):
        return self.conv(self.pictures[None])

    def canvas_layers(self):
        return [ConvLayer("only", self.conv)]


def clusters_of(pictures, labels=LABELS, **options):
    layer = Canvas(Stack(pictures)).at()["only"].at(0)
    return neuron_clusters(layer, layer.reduce({"gabor": labels}), 5, **options)


def test_vectors_against_a_loop():
    layer = Canvas(FFN(width=8)).at(pixel_grid(6, 8))["layer2"].at(0)
    result = neuron_clusters(layer, layer.reduce({"gabor": LABELS}), 5)
    for neuron, vector in zip(result.neurons, result.vectors, strict=True):
        size = layer.maps([neuron])[0].abs().double().numpy()
        size = (size - size.min()) / (size.max() - size.min())
        expected = [size[LABELS.numpy() == k].mean() for k in range(5)]
        np.testing.assert_allclose(vector, expected, atol=1e-6)
    np.testing.assert_array_equal(result.cluster_areas, np.bincount(LABELS.flatten()))
    dead = (layer.maps(range(8)) == 0).flatten(1).all(1).numpy()
    np.testing.assert_array_equal(result.neurons, np.flatnonzero(~dead))


def test_four_clusters_are_found(scene):
    random = np.random.default_rng(0)
    kinds = np.repeat(np.arange(4), 12)
    pictures = (LABELS.numpy()[None] == kinds[:, None, None]) + 0.02 * random.random((48, 6, 8))
    result = clusters_of(pictures * random.uniform(0.1, 10, (48, 1, 1)))  # how strong does not matter
    for k in range(4):
        assert len(set(result.clusters[kinds == k])) == 1
    assert len(set(result.clusters)) == 4
    assert result.scalars()["silhouette"] > 0.8
    assert np.bincount(result.shown_clusters).tolist() == [4, 4, 4, 4]
    for neuron, c in zip(result.shown, result.shown_clusters, strict=True):
        assert result.clusters[result.neurons == neuron] == c
    assert result.maps.min() == 0
    assert result.maps.max() == 1
    centres = [result.positions[result.clusters == c, 0].mean() for c in range(4)]
    assert centres == sorted(centres)


def test_dead_and_not_finite_neurons_are_excluded():
    pictures = np.random.default_rng(0).random((12, 6, 8))
    pictures[3] = 0
    pictures[7, 2, 2] = np.nan
    result = clusters_of(pictures)
    assert result.neurons.tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10, 11]
    assert np.isfinite(result.positions).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_few_neurons(count):
    result = clusters_of(np.random.default_rng(0).random((count, 6, 8)))
    assert result.positions.shape == (count, 2)
    assert len(result.shown) == count
    assert ("principal" in result.method) == (count < 5)


def test_no_live_neuron():
    result = clusters_of(np.zeros((6, 6, 8)))
    assert len(result.neurons) == len(result.shown) == 0
    assert result.scalars() == {}


def test_large_layers_are_sampled_reproducibly():
    pictures = np.random.default_rng(0).random((30, 6, 8))
    one, other = clusters_of(pictures, max_neurons=10), clusters_of(pictures + 1, max_neurons=10)
    assert one.sampled == 10
    assert one.total_neurons == 30
    np.testing.assert_array_equal(one.neurons, other.neurons)


def test_neighbours_as_in_the_paper():
    canvas = Canvas(NeRV(16, 32, 6)).at(torch.zeros(1))
    assert [layer_neighbours(canvas[f"block{i}"].at(0), 4 - i) for i in (1, 2, 3)] == [150, 75, 25]
    assert layer_neighbours(canvas["head"].at(0), 0) == 5
    ffn = Canvas(FFN(width=4)).at(pixel_grid(2, 3))
    assert [layer_neighbours(layer.at(0), 2 - i) for i, layer in enumerate(ffn)] == [5, 5, 5]


def test_clusters_are_numbered_from_left_to_right():
    positions = np.array([[9.0, 0], [0, 0], [5, 5], [0, 1], [9, 1]])
    assert cluster(positions, 3, 0).tolist() == [2, 0, 1, 0, 2]
    assert cluster(np.zeros((4, 2)), 3, 0).tolist() == [0, 0, 0, 0]


def test_clusters_keep_their_numbers_from_checkpoint_to_checkpoint():
    random = np.random.default_rng(0)
    kinds = np.repeat(np.arange(4), 12)
    pictures = (LABELS.numpy()[None] == kinds[:, None, None]) + 0.02 * random.random((48, 6, 8))
    first = clusters_of(pictures)
    turned = Earlier(first.neurons, first.positions * [-1, 1], 3 - first.clusters)  # left is now right
    again = clusters_of(pictures, previous=turned)
    np.testing.assert_array_equal(again.clusters, turned.clusters)
    assert set(again.shown_clusters) == {0, 1, 2, 3}


def test_six_clusters_as_released_of_which_four_are_shown():
    pictures = np.random.default_rng(0).random((60, 6, 8))
    result = clusters_of(pictures, convention="released")
    assert set(result.clusters) == set(range(6))
    assert set(result.shown_clusters) == set(range(4))
