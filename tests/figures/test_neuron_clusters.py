"""The scatter shows all neurons, the sheet the chosen ones' maps, the title what was left out."""

import numpy as np
import pytest

from xinc_lightning.analyses import NeuronClustersResult
from xinc_lightning.figures import clusters_with_maps, rasterize


def result(count, shown):
    random = np.random.default_rng(0)
    clusters = np.arange(count) % 4
    return NeuronClustersResult(
        layer="block1",
        total_neurons=5000,
        sampled=count + 3,
        neurons=np.arange(count) * 2,
        vectors=random.random((count, 5)),
        cluster_areas=np.ones(5, int),
        neighbours=150,
        positions=random.random((count, 2)),
        clusters=clusters,
        shown=np.arange(shown) * 2,
        shown_clusters=clusters[:shown],
        labels=tuple(f"#{2 * i}" for i in range(shown)),
        maps=random.random((shown, 8, 16)),
        silhouette=0.5,
    )


@pytest.mark.parametrize(("count", "shown"), [(60, 16), (3, 3), (0, 0)])
def test_neurons_and_maps(count, shown, words):
    figure = clusters_with_maps(result(count, shown), np.zeros((8, 16, 3)), "title")
    dots = figure.findobj(lambda artist: type(artist).__name__ == "PathCollection")
    assert sum(len(d.get_offsets()) for d in dots) == count
    images = figure.findobj(lambda artist: type(artist).__name__ == "AxesImage")
    assert len(images) == shown + 1
    assert f"{count} live of {count + 3} sampled from 5,000 neurons" in words(figure)
    assert 1000 <= rasterize(figure).shape[1] <= 1300


def test_numbers_have_the_colour_of_their_neuron_and_of_its_map(words):
    figure = clusters_with_maps(result(60, 16), np.zeros((8, 16, 3)), "title")
    dots = figure.findobj(lambda artist: type(artist).__name__ == "PathCollection")
    colour = {tuple(place): d.get_facecolor()[0, :3] for d in dots for place in d.get_offsets().data}
    numbers = figure.findobj(lambda artist: type(artist).__name__ == "Annotation")
    frames = figure.findobj(lambda artist: type(artist).__name__ == "Rectangle" and artist.get_lw() == 2.5)
    inks = [number.get_bbox_patch().get_edgecolor() for number in numbers]
    assert sorted(inks) == sorted(frame.get_edgecolor() for frame in frames)
    assert (len(inks), len(set(inks))) == (16, 4)
    for number, ink in zip(numbers, inks, strict=True):
        np.testing.assert_allclose(ink[:3], colour[tuple(number.xy)])
        assert np.mean(number.get_bbox_patch().get_facecolor()[:3]) > 0.6  # black can be read on it
    assert "colour and row of maps: cluster" in words(figure)
