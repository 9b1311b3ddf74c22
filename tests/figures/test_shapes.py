"""Figures of clips of every shape can be read: nothing is cut off, and nothing is written on anything else."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from xinc_lightning.analyses import (
    ContributionMapsResult,
    ContributionVsIntensityResult,
    NeuronClustersResult,
    NeuronsPerPixelResult,
    ThingsAndStuffResult,
    flow_vs_fluctuation,
)
from xinc_lightning.data import Segment
from xinc_lightning.figures import (
    clusters_with_maps,
    contact_sheet,
    contributions_vs_intensity,
    evolution,
    flow_beside_fluctuation,
    neurons_per_pixel_maps,
    rasterize,
    shares_of_segments,
    strip_over_epochs,
    truth_and_reconstruction,
)
from xinc_lightning.figures.paper import SampledMaps, maps_by_layer

LAYERS = ("block1", "block2", "head")
TITLE = "NeRV layers · tall frame 0 · epoch 1 · 7.94 dB"
LABELS = tuple(f"#{16750 + i} (33→{380 + i})" for i in range(12))


def random(*shape):
    return np.random.default_rng(0).random(shape)


def intensity(height, width, layers=LAYERS):
    picture = random(height, width)
    results = [
        ContributionVsIntensityResult(layer, picture, picture, picture, -0.25, -0.25) for layer in layers
    ]
    return contributions_vs_intensity(results, random(height, width, 3), TITLE)


def density(height, width, layers=LAYERS):
    curve = np.linspace(0, 1, 100)
    counts = 288 * random(height, width)
    share = np.stack([random(height, width)] * 2)
    results = [
        NeuronsPerPixelResult(layer, 288, (0.1, 0.5), np.array([0.1, 0.5]), share, counts, curve)
        for layer in layers
    ]
    return neurons_per_pixel_maps(results, random(height, width, 3), TITLE)


def sheet(height, width):
    maps = random(12, height, width) - 0.5
    dead = np.arange(12) == 3
    totals = maps.sum((1, 2))
    total = np.linspace(0.195, 0.417, height * width).reshape(height, width)  # long numbers
    result = ContributionMapsResult("head", np.arange(12), LABELS, maps, dead, total, totals, 0.0)
    return contact_sheet(result, random(height, width, 3), TITLE)


def strip(height, width, epochs=4, neurons=3):
    maps = {100 * epoch: random(neurons, height, width) - 0.5 for epoch in range(epochs)}
    maps[0][1:] = 0  # dead
    return strip_over_epochs(maps, LABELS[:neurons], TITLE)


def flow(height, width):
    motion = random(2, 2, height, width)
    results = [
        flow_vs_fluctuation(layer, random(2, height, width), motion, np.array([4, 9]), range(18), 18)
        for layer in LAYERS
    ]
    return flow_beside_fluctuation(results, motion, random(2, height, width, 3), TITLE)


def clusters(height, width):
    groups = np.arange(18) % 4
    result = NeuronClustersResult(
        layer="head",
        total_neurons=5000,
        sampled=18,
        neurons=np.arange(18),
        vectors=random(18, 5),
        cluster_areas=np.ones(5, int),
        neighbours=5,
        positions=random(18, 2),
        clusters=groups,
        shown=np.arange(12),
        shown_clusters=groups[:12],
        labels=LABELS,
        maps=random(12, height, width),
        silhouette=0.5,
    )
    return clusters_with_maps(result, random(height, width, 3), TITLE)


def reconstruction(height, width, frames=2):
    truth = random(frames, height, width, 3)
    return truth_and_reconstruction(truth, truth**2, ["frame 29 · 12.25 dB"] * frames, TITLE)


def segments(height, width):
    two = (Segment(1, "sky", "sky", False), Segment(2, "car_0", "car", True))
    results = [
        ThingsAndStuffResult(layer, np.array([3, 8]), LABELS[:2], two, np.arange(4), random(2, 4, 2))
        for layer in LAYERS
    ]
    masks = 1 + (random(4, height, width) > 0.5)
    return shares_of_segments(results, random(4, height, width, 3), masks, TITLE)


def by_layer(height, width):
    rows = [SampledMaps(layer, LABELS[:4], random(4, height, width) - 0.5) for layer in LAYERS]
    return maps_by_layer(rows, random(height, width, 3), TITLE)


FIGURES = (
    *(intensity, density, sheet, strip, flow, clusters),
    *(reconstruction, segments, by_layer),
)
SHAPES = ((96, 24), (24, 160), (8, 16), (48, 32))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("draw", FIGURES)
def test_all_text_is_legible(draw, shape, faults):
    assert faults(draw(*shape)) == []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("epochs", "neurons"), [(1, 1), (5, 4), (12, 2), (2, 8)])
def test_strips_of_every_length_are_legible(shape, epochs, neurons, faults):
    assert faults(strip(*shape, epochs, neurons)) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_figures_of_one_frame_are_legible(shape, faults):
    assert faults(reconstruction(*shape, frames=1)) == []


@pytest.mark.parametrize("shape", SHAPES[:2])
@pytest.mark.parametrize("draw", [intensity, density])
def test_figures_of_one_layer_are_legible(draw, shape, faults):
    assert faults(draw(*shape, layers=["head"])) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_evolution_frames_are_legible(shape, faults, monkeypatch):
    found = []
    monkeypatch.setattr(evolution, "rasterize", lambda figure: found.append(faults(figure)))
    rows = [
        evolution.HeatMaps("Σ|c|", {layer: random(1, *shape) for layer in LAYERS}, False),
        evolution.HeatMaps(
            "% of neurons\nwith |c| > τ10", {layer: random(1, *shape) for layer in LAYERS}, True
        ),
    ]
    [*evolution.film_of_heat_maps(rows, [TITLE])]
    [*evolution.film_of_neurons(random(1, 12, *shape) - 0.5, random(1, *shape), LABELS, [TITLE])]
    assert found == [[], []]


def test_long_title_is_wrapped(faults):
    figure = strip_over_epochs({1: random(1, 8, 16)}, ["#1"], f"{TITLE} · {TITLE} · {TITLE}")
    assert faults(figure) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_colour_wheel_is_legible_and_smaller_than_its_image(shape):
    figure = flow(*shape)
    rasterize(figure)
    pictures = [axes for axes in figure.findobj(Axes) if axes.get_title().startswith("optical flow")]
    for picture in pictures:
        (wheel,) = picture.child_axes
        inner, outer = wheel.get_window_extent(), picture.get_window_extent()
        assert 30 < inner.width == pytest.approx(inner.height, abs=1)
        assert outer.x0 < inner.x0 < inner.x1 < outer.x1
        assert outer.y0 < inner.y0 < inner.y1 < outer.y1
    assert len(pictures) == 2
