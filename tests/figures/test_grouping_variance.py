import numpy as np
import pytest
import torch

from xinc_lightning.analyses import grid_partition, grouping_variance, lattice_partition, shift_null
from xinc_lightning.figures import grouping_variances, rasterize


def layer_result(painted_frame, maps, with_null=True, std=False):
    labels = {"grid": grid_partition(16, 32), "lattice": lattice_partition(16, 32)}
    layer = painted_frame(maps)
    alive = maps.flatten(1).any(1).nonzero()[:, 0].tolist()
    null = shift_null(layer, labels, alive, 5, std=std) if with_null and alive else None
    return grouping_variance(layer.reduce(labels), std=std, null=null)


def test_curves_above_and_boxes_below(painted_frame):
    maps = torch.rand(6, 16, 32)
    maps[2] = 0
    results = [layer_result(painted_frame, maps), layer_result(painted_frame, torch.rand(3, 16, 32))]
    figure = grouping_variances(results, "NeRV layers · toy")
    assert figure.get_suptitle() == "NeRV layers · toy"
    curves, _, boxes, _ = figure.axes
    assert curves.get_title() == "toy: 5 of 6 neurons contribute"
    assert curves.get_yscale() == "log"
    grid, lattice = curves.get_lines()
    np.testing.assert_allclose(grid.get_ydata(), np.sort(results[0].scores["grid"])[:5])
    assert (grid.get_linestyle(), lattice.get_linestyle()) == ("-", "--")
    rank, effect = results[0].layer_rank("grid"), results[0].layer_effect("grid")
    ticks = [tick.get_text() for tick in boxes.get_xticklabels()]
    assert ticks == [f"grid\n{100 * rank:.0f} %\n{effect:+.1f}σ", "lattice\n–"]
    assert boxes.get_title() == "grey: 5 neurons, labels shifted 5 times"
    assert len(boxes.patches) == 3  # grid, its null, lattice
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["grid", "lattice"]
    bottom, top = curves.get_ylim()
    everything = np.concatenate([s[~r.dead] for r in results for s in r.scores.values()])
    assert bottom < np.median(everything) < everything.max() < top
    assert rasterize(figure).shape[1] < 1300


def test_without_null_and_as_standard_deviation(painted_frame):
    result = layer_result(painted_frame, torch.rand(4, 16, 32), with_null=False, std=True)
    figure = grouping_variances([result], "t")
    assert figure.axes[0].get_ylabel() == "standard deviation of δ over clusters"
    assert [tick.get_text() for tick in figure.axes[1].get_xticklabels()] == ["grid", "lattice"]
    assert rasterize(figure).std() > 0


@pytest.mark.filterwarnings("error")
def test_a_dead_layer_beside_a_live_one(painted_frame):
    dead = layer_result(painted_frame, torch.zeros(3, 16, 32))
    for results in ([dead], [layer_result(painted_frame, torch.rand(2, 16, 32)), dead]):
        figure = grouping_variances(results, "t")
        assert figure.axes[len(results) - 1].get_title() == "toy: 0 of 3 neurons contribute"
        rasterize(figure)
