"""Scores against what their definitions say, kernel by kernel."""

import copy

import pytest
import torch

from xinc_lightning.canvas import Canvas
from xinc_lightning.errors import UserError
from xinc_lightning.pruning import SCORES, scores_of

TRUTH = torch.rand(3, 3, 16, 32, generator=torch.Generator().manual_seed(0))


def test_contribution_of_a_kernel_is_the_sum_of_its_map(nerv):
    times = nerv.times(torch.tensor([0, 2]))
    canvas = Canvas(nerv.network).at(times)
    found = scores_of(nerv, "contribution", [0, 2], TRUTH)
    for layer in canvas:
        outputs = nerv_layer(nerv, layer.name).weight.shape[0]
        maps = layer.maps(range(layer.neurons)).double().abs().sum((1, 2, 3))
        for neuron in range(0, layer.neurons, 7):
            score = found[layer.name][0, neuron % outputs, neuron // outputs]
            torch.testing.assert_close(score, maps[neuron], rtol=1e-5, atol=1e-6)


def nerv_layer(module, name):
    return next(layer for layer in module.layer_weights() if layer.name == name)


def test_each_network_of_an_ffn_is_scored_on_its_own_frame(ffn):
    found = scores_of(ffn, "contribution", [0], TRUTH)["layer2"]
    for frame in range(2):
        network, grid = ffn.canvas_inputs(frame)
        layer = Canvas(network, neuron="weight").at(grid)["layer2"]
        labels = layer.labels
        sums = layer.maps(range(layer.neurons)).double().abs().sum((1, 2, 3))
        torch.testing.assert_close(
            found[frame][labels["output"], labels["input"]], sums, rtol=1e-5, atol=1e-6
        )


def test_first_order_predicts_what_a_small_change_does(nerv):
    """Each kernel, or channel, scaled by 1 − ε: the squared change of the picture over ε²."""
    epsilon = 1e-3
    for unit in ("kernel", "channel"):
        found = scores_of(nerv, "first-order", [1], TRUTH, unit)
        for name in ("block2", "head"):
            truth, estimate = [], []
            for place in range(4):
                changed = copy.deepcopy(nerv).double()
                chosen = (0, place, 1) if unit == "kernel" else (0, slice(None), place)
                position = torch.tensor([1])
                with torch.no_grad():
                    before = changed.render(position)
                    nerv_layer(changed, name).kernels[chosen] *= 1 - epsilon
                    change = changed.render(position) - before
                truth.append(float(change.square().sum()) / epsilon**2)
                estimate.append(float(found[name][(0, place, 1) if unit == "kernel" else (0, place)]))
                if place == 2 and name == "head":
                    break  # it has three outputs
            ratio = torch.tensor(estimate) / torch.tensor(truth).clamp(min=1e-12)
            assert 0.4 < float(ratio.mean()) < 1.8  # ten random projections


@torch.no_grad()
def test_effect_is_the_rise_of_the_error_without_the_kernel(nerv):
    """Which adds its weights' part and its share of the bias."""
    found = scores_of(nerv, "effect", [0, 2], TRUTH)
    positions = torch.tensor([0, 2])
    before = (nerv.render(positions) - TRUTH[[0, 2]]).square().mean((1, 2, 3))
    for name, output, channel in (("block1", 5, 2), ("block3", 1, 3), ("head", 2, 1)):
        without = copy.deepcopy(nerv)
        layer = nerv_layer(without, name)
        layer.kernels[0, output, channel] = 0
        layer.biases[0, output] *= 1 - 1 / layer.kernels.shape[2]
        after = (without.render(positions) - TRUTH[[0, 2]]).square().mean((1, 2, 3))
        rise = float((after - before).double().sum())
        assert float(found[name][0, output, channel]) == pytest.approx(rise, rel=1e-2, abs=1e-7)


def test_magnitude_is_the_l1_norm(nerv, ffn):
    weight = nerv.network.head.weight
    kernel = scores_of(nerv, "magnitude", [0], TRUTH)["head"][0, 2, 1]
    assert kernel == pytest.approx(float(weight[2, 1].abs().sum()))
    channel = scores_of(nerv, "magnitude", [0], TRUTH, "channel")["head"][0, 1]
    assert channel == pytest.approx(float(weight[:, 1].abs().sum()))
    unit = scores_of(ffn, "magnitude", [0], TRUTH, "channel")["layer3"][1, 4]
    assert unit == pytest.approx(float(ffn.network.weights[2][1, :, 4].abs().sum()))


@pytest.mark.parametrize("score", SCORES)
def test_scoring_leaves_the_network_and_the_random_state_alone(nerv, score):
    before, state = copy.deepcopy(nerv.state_dict()), torch.get_rng_state()
    scores = scores_of(nerv, score, [0, 1], TRUTH)
    assert set(scores) == {"block1", "block2", "block3", "head"}
    assert all(torch.equal(before[name], value) for name, value in nerv.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in nerv.parameters())


def test_unknown_score_names_the_nearest(nerv):
    with pytest.raises(UserError, match=r"no score 'contributions'.*did you mean 'contribution'"):
        scores_of(nerv, "contributions", [0], TRUTH)
