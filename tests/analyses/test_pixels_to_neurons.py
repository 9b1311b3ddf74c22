import numpy as np
import pytest
import torch

from xinc_lightning.analyses import instance_partition, pixels_to_neurons


@pytest.fixture
def result_of(painted_frame):
    """Analyse given maps [neurons, height, width], whose upper half is no segment, the lower two."""

    def analyse(maps, **options):
        height, width = maps.shape[1:]
        labels = torch.zeros(height, width, dtype=torch.long)
        labels[height // 2 :] = 1
        labels[height // 2 :, width // 2 :] = 2
        layer = painted_frame(maps)
        statistics = layer.reduce({"segments": labels})
        return pixels_to_neurons(layer, statistics, segments="segments", **options)

    return analyse


def spots(*places, size=1.0):
    """Maps of 4×4, each with one pixel."""
    maps = torch.zeros(len(places), 4, 4)
    for i, (row, col) in enumerate(places):
        maps[i, row, col] = size
    return maps


def test_strongest_neurons_of_a_pixel_and_their_shares(result_of):
    maps = torch.cat([spots((0, 0)), spots((1, 1), size=-3.0), spots((3, 3))])
    result = result_of(maps, cell=2, count=2)
    neurons, shares = result.at(1, 0)
    assert neurons.tolist() == [1, 0]
    assert shares.tolist() == pytest.approx([0.75, 0.25])
    assert result.at(3, 2)[0].tolist() == [2]
    assert result.at(0, 3)[0].tolist() == []
    assert result.totals.tolist() == [[1.0, 0.0], [0.0, 0.25]]
    assert result.kernels == 0


def test_maps_are_saved_for_the_most_frequent_and_for_earlier_neurons(result_of):
    maps = torch.stack([torch.full((4, 4), size) for size in (1.0, 4.0, 2.0, 3.0)])
    result = result_of(maps, cell=2, count=1, keep=2, earlier=[1, 0, 2])
    assert result.kept.tolist() == [1, 0]
    assert result_of(maps, cell=2, count=4, keep=3, earlier=[0, 2]).kept.tolist() == [1, 3, 2, 0]
    assert sorted(result_of(maps, cell=2, count=1, keep=4).kept.tolist()) == [0, 1, 2, 3]
    assert result_of(maps, cell=4, keep=0).maps.shape == (0, 1, 1)


def test_maps_of_neurons_that_favour_a_segment_are_saved_first(result_of):
    maps = torch.cat([torch.ones(3, 4, 4), spots((3, 3), size=20.0), spots((3, 0), size=30.0)])
    result = result_of(maps, cell=4, count=1, keep=3)
    assert result.kept.tolist() == [4, 3]
    assert result.maps[:, 0, 0].tolist() == [30 / 16, 20 / 16]


def test_8_bit_maps_reproduce_the_cell_means(result_of):
    maps = torch.rand(5, 4, 6) - 0.5
    result = result_of(maps, cell=2)
    arrays = result.arrays()
    expected = maps[result.kept].abs().unfold(1, 2, 2).unfold(2, 2, 2).mean((3, 4)).numpy()
    np.testing.assert_allclose(result.maps, expected, rtol=1e-5)
    back = arrays["maps"] / 255 * arrays["scales"][:, None, None]
    assert np.abs(back - expected).max() <= expected.max() / 500


def test_neurons_that_favour_a_segment(result_of):
    everywhere, left, right = torch.ones(4, 4), torch.zeros(4, 4), torch.zeros(4, 4)
    left[2:, :2], right[2:, 2:] = 5.0, 6.0
    faint = torch.zeros(4, 4)
    faint[3, 3] = 1e-3  # nowhere but in the right segment, and next to nothing
    result = result_of(torch.stack([everywhere, left, right, faint]), cell=4, count=2)
    assert result.favourites.tolist() == [[1, -1], [2, -1]]
    np.testing.assert_allclose(result.preferences, [[4, 1], [4, 1]], rtol=1e-6)


def test_no_segments_and_dead_layers(painted_frame, result_of):
    layer = painted_frame(torch.ones(3, 4, 4))
    assert pixels_to_neurons(layer, layer.reduce()).favourites.shape == (0, 8)
    dead = result_of(torch.zeros(3, 4, 4))
    assert (dead.favourites == -1).all()
    assert dead.kept.tolist() == [0, 1, 2]
    assert dead.arrays()["maps"].max() == 0
    assert dead.scalars() == {"top8_share": 0.0, "strongest_somewhere": 0.0}


def test_neurons_excluded_from_the_statistics(painted_frame):
    layer = painted_frame(torch.arange(1.0, 5)[:, None, None].expand(4, 2, 2))
    result = pixels_to_neurons(layer, layer.reduce(neurons=[0, 2]), cell=2, count=3)
    assert result.top[0, 0].tolist() == [2, 0, -1]
    assert result.shares[0, 0].tolist() == pytest.approx([0.75, 0.25, 0])


def test_scene_with_one_object_per_neuron(scene, painter):
    from xinc_lightning.canvas import Canvas

    layer = Canvas(painter).at(torch.arange(len(scene.clip)))["head"].at(0)
    labels = instance_partition(scene.clip.masks[0], scene.clip.segments)
    result = pixels_to_neurons(
        layer,
        layer.reduce({"instances": labels}),
        cell=2,
        segments="instances",
    )
    segment_of = lambda neuron: neuron // result.kernels // 3  # noqa: E731
    for place in [(2, 2), (12, 16), (28, 76)]:
        label = int(labels[place])
        assert {segment_of(n) for n in result.at(*place)[0]} == {label - 1}
    for label, favourites in enumerate(result.favourites, 1):
        live = favourites[(favourites >= 0) & (result.preferences[label - 1] > 1)]
        assert {segment_of(n) for n in live} <= {label - 1}
