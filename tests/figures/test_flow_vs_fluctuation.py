"""Flow's colours tell its direction; every layer has its panel."""

import numpy as np
import pytest

from xinc_lightning.analyses import flow_vs_fluctuation
from xinc_lightning.figures import flow_beside_fluctuation, rasterize
from xinc_lightning.figures.flow_vs_fluctuation import _colours


@pytest.mark.parametrize("layers", [1, 4, 6])
def test_every_layer_and_step_is_shown(layers, words):
    random = np.random.default_rng(0)
    flow = random.normal(size=(2, 2, 8, 16))
    results = [
        flow_vs_fluctuation(f"layer{i}", random.random((2, 8, 16)), flow, np.array([4, 9]), range(10), 2000)
        for i in range(layers)
    ]
    figure = flow_beside_fluctuation(results, flow, random.random((2, 8, 16, 3)), "title")
    written = words(figure)
    for i in range(layers):
        assert written.count(f"layer{i} · 10 of 2,000 neurons") == 2
    assert "frame 4" in written
    assert "frame 9" in written
    assert 1000 <= rasterize(figure).shape[1] <= 1400


def test_opposite_directions_have_opposite_colours_and_no_motion_is_white():
    flow = np.zeros((2, 1, 4))
    flow[:, 0] = [[1, -1, 0, 0], [0, 0, 0, 0.5]]
    right, left, still, slow = _colours(flow, 1)[0]
    assert right.argmax() == 0  # red
    assert left.argmin() == 0  # cyan
    assert np.ptp(still) == 0
    assert 0 < np.ptp(slow) < np.ptp(right)
