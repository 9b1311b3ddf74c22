"""Sheets and strips hold every neuron, say who contributes nothing, and share one scale."""

import numpy as np

from xinc_lightning.analyses import ContributionMapsResult
from xinc_lightning.figures import contact_sheet, rasterize, strip_over_epochs


def images(figure):
    return figure.findobj(lambda artist: type(artist).__name__ == "AxesImage")


def test_sheet(words):
    maps = np.random.default_rng(0).normal(size=(5, 8, 16)).astype(np.float32)
    maps[3] = 0
    result = ContributionMapsResult(
        layer="head",
        neurons=np.arange(5),
        labels=tuple(f"#{i}" for i in range(5)),
        maps=maps,
        dead=(maps == 0).all((1, 2)),
        total=np.abs(maps).sum(0).astype(np.float64),
        neuron_totals=np.abs(maps).sum((1, 2)).astype(np.float64),
        completeness_error=0.0,
        inactive=np.array([True, False, False, True, False]),
    )
    figure = contact_sheet(result, np.zeros((8, 16, 3)), "title")
    assert len(images(figure)) == 5 + 2
    written = words(figure)
    assert "#3 no contribution" in written
    assert written.count("no contribution") == 1
    assert "Σ|c| over 5 neurons,\n1 without contribution, 2 inactive" in written
    assert rasterize(figure).std() > 10


def test_strip_shares_one_scale(words):
    random = np.random.default_rng(0)
    maps = {epoch: epoch * random.normal(size=(2, 8, 16)) for epoch in (1, 10, 100)}
    figure = strip_over_epochs(maps, ["#4", "#9 (1→2)"], "title")
    shown = images(figure)
    assert len(shown) == 6
    assert len({(image.norm.vmin, image.norm.vmax) for image in shown}) == 1
    np.testing.assert_array_equal(shown[4].get_array(), maps[10][1])  # second neuron, second epoch
    written = words(figure).splitlines()
    assert written.count("epoch 10") == 2
    assert {"#4", "#9", "(1→2)"} <= set(written)
    assert rasterize(figure).std() > 10


def test_strip_marks_maps_without_contribution(words):
    maps = {1: np.zeros((2, 8, 16)), 10: np.stack([np.ones((8, 16)), np.zeros((8, 16))])}
    written = words(strip_over_epochs(maps, ["#4", "#9"], "title")).splitlines()
    assert [line for line in written if line.startswith("epoch")] == [
        *("epoch 1 none", "epoch 10", "epoch 1 none", "epoch 10 none")
    ]
