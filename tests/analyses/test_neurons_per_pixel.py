import numpy as np
import pytest
import torch

from xinc_lightning.analyses import neurons_per_pixel, pixels_per_neuron
from xinc_lightning.canvas import Canvas


def test_golden_released_counts_and_thresholds(golden, golden_nerv):
    maps = np.load(golden / "nerv_tiny_maps.npz")
    arrays = np.load(golden / "nerv_tiny_released_analyses.npz")
    canvas = Canvas(golden_nerv, head_activation=False).at(torch.from_numpy(maps["t"]))
    for name in ("head", "block3"):
        counts = np.sort(arrays[f"{name}_pixels_per_neuron"])
        np.testing.assert_array_equal(
            pixels_per_neuron(canvas[name].reduce().at(0)).curve(len(counts)), counts
        )
    result = neurons_per_pixel(canvas["block3"].reduce().at(0))
    wanted = [arrays["block3_threshold_10"], arrays["block3_threshold_50"]]
    np.testing.assert_allclose(result.tau, wanted, rtol=1e-6)
    released = np.abs(maps["block3"].reshape(-1, 16, 32))
    for share, tau in zip(result.share, wanted, strict=True):
        np.testing.assert_allclose(share, (released > tau).mean(0), atol=1.5 / len(released))


def test_pixels_per_neuron_by_hand(painted_frame):
    maps = torch.tensor([[[3.0, 1.0, 0.0, 2.0]], [[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]])
    result = pixels_per_neuron(painted_frame(maps).reduce())
    # Shares: 3/4, 1/2, –, 1 of the first; 1/4, 1/2, –, 0 of the second; more than 1/3 counts.
    assert result.counts.tolist() == [3, 1, 0]
    assert result.dead.tolist() == [False, False, True]
    assert result.curve(5).tolist() == [0, 0.5, 1, 2, 3]
    assert result.scalars() == {
        "median_share": 0.25,
        "without_pixels": pytest.approx(1 / 3),
        "no_contribution": pytest.approx(1 / 3),
        "dead_fraction": pytest.approx(1 / 3),
    }


def test_one_neuron_has_a_curve(painted_frame):
    result = pixels_per_neuron(painted_frame(torch.rand(1, 4, 4)).reduce())
    assert result.curve(3).tolist() == [0, 0, 0]  # its share is 1 = 1/N, never more


def test_neurons_per_pixel_by_hand(painted_frame):
    maps = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])
    result = neurons_per_pixel(painted_frame(maps).reduce())
    # Sorted 1 2 3 4, cumulative 1 3 6 10: the fraction 0.1 is reached at 1, 0.5 at 3.
    assert result.tau.tolist() == [1, 3]
    assert result.share.tolist() == [[[0.5, 1]], [[0, 0.5]]]
    assert [result.rank(0), result.rank(1)] == [0.25, 0.75]
    entropies = [-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)), -(np.log(1 / 3) / 3 + np.log(2 / 3) * 2 / 3)]
    np.testing.assert_allclose(result.effective, [np.exp(entropies)], rtol=1e-6)
    scalars = result.scalars()
    assert scalars["effective_neurons"] == pytest.approx(np.exp(entropies).mean())
    assert scalars["effective_share"] == pytest.approx(np.exp(entropies).mean() / 2)
    assert (scalars["tau_10"], scalars["tau_50"]) == (1, 3)
    assert (scalars["share_above_tau_10"], scalars["share_above_tau_50"]) == (0.75, 0.25)


def test_equal_neurons_are_all_effective(painted_frame):
    result = neurons_per_pixel(painted_frame(torch.rand(1, 5, 6).expand(7, -1, -1)).reduce())
    np.testing.assert_allclose(result.effective, 7, rtol=1e-6)
    assert result.neurons == 7


def test_the_curve_is_sorted_and_reaches_the_largest(painted_frame):
    maps = torch.randn(6, 20, 20)
    result = neurons_per_pixel(painted_frame(maps).reduce())
    ranks = np.linspace(0, 1, 1000)
    low, high = (np.quantile(maps.abs().numpy(), ranks, method=side) for side in ("lower", "higher"))
    assert (result.curve >= 0.996 * low).all()
    assert (result.curve <= 1.004 * high).all()
    assert result.curve[-1] == pytest.approx(float(maps.abs().max()), rel=0.004)
    again = type(result).from_arrays(result.arrays())
    assert again.scalars() == result.scalars()
    np.testing.assert_array_equal(again.curve, result.curve)
