import numpy as np
import pytest
import torch

from xinc_lightning.analyses import FaithfulnessResult, faithfulness, randomised
from xinc_lightning.analyses.faithfulness import CURVES
from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import FFN, NeRV, pixel_grid


def compare(network, inputs, name, neurons, head_activation=True, **options):
    """The result of one layer, its canvas and the truth."""
    made = Canvas(network, head_activation=head_activation)
    canvas = made.at(inputs)
    layer = canvas[name]
    truth = torch.rand(layer.effect_terms.chain.picture.shape, generator=torch.Generator().manual_seed(1))
    others = [other[name] for other in randomised(made, (inputs,))]
    behind = len(canvas) - 1 - canvas.layers.index(name)
    return faithfulness(layer, truth, others, behind, neurons, **options), layer, truth


@pytest.fixture
def nerv():
    torch.manual_seed(0)
    return NeRV(16, 32, 7, strides=(2, 2))


@pytest.mark.parametrize("ablation", ["zero", "mean"])
def test_measures_are_those_of_maps_and_effects(nerv, ablation):
    neurons = [1, 50, 9, 70, 130]
    result, layer, truth = compare(nerv, torch.tensor([0.3]), "block2", neurons, ablation=ablation)
    maps = layer.maps(neurons)[:, 0].abs().flatten(1).double()
    effects = layer.effects(neurons, ablation)[:, 0].abs().sum(1).flatten(1).double()
    cosine = torch.nn.functional.cosine_similarity(maps, effects)
    np.testing.assert_allclose(result.cosine[0], cosine, rtol=1e-4)
    values = dict(zip(result.scores, result.score_values, strict=True))
    np.testing.assert_allclose(values["contribution"], maps.sum(1), rtol=1e-5)
    np.testing.assert_allclose(values["effect"], effects.sum(1), rtol=1e-5)
    rise = layer.effect_sums(truth, neurons, ablation).error_rise[:, 0]
    np.testing.assert_allclose(values["error_rise"], rise, rtol=1e-4, atol=1e-9)
    assert result.rank[result.scores.index("effect")] == pytest.approx(1)
    assert result.maps == ("contribution", "unfiltered", "randomised")


def test_curves_start_and_end_with_all_and_none_of_the_neurons(nerv):
    result, layer, truth = compare(nerv, torch.tensor([0.3]), "head", range(18))
    with torch.no_grad():
        whole = -10 * (nerv(torch.tensor([0.3])) - truth).square().mean().log10()
        bare = -10 * (torch.full_like(truth, 0.5) - truth).square().mean().log10()  # tanh(0)
    np.testing.assert_allclose(result.deletion[:, 0], whole, rtol=1e-5)
    np.testing.assert_allclose(result.deletion[:, -1], bare, rtol=1e-5)
    np.testing.assert_array_equal(result.insertion[:, [0, -1]], result.deletion[:, [-1, 0]])
    by_hand = CURVES.index("contribution")
    order = np.argsort(-result.score_values[result.scores.index("contribution")], kind="stable")
    half = layer.effect_terms.without(torch.from_numpy(order[:9]))
    expected = -10 * (half - truth).square().mean().log10()
    assert result.deletion[by_hand, list(result.shares).index(0.5)] == pytest.approx(
        float(expected), rel=1e-5
    )


def test_maps_do_not_change_with_the_weights_of_later_layers(nerv):
    result, *_ = compare(nerv, torch.tensor([0.3]), "block1", range(20))
    assert result.cascade[:2].tolist() == [1, 1]
    assert result.cascade[2] < 0.9


def test_last_layer_of_an_ffn_agrees_perfectly_where_colours_agree():
    """All three colours get the same, so that |Σ| is Σ||."""
    torch.manual_seed(0)
    ffn = FFN(width=6)
    with torch.no_grad():
        ffn.layers[-1].weight[:] = ffn.layers[-1].weight[0]
        ffn.layers[-1].bias[:] = 0
    result, *_ = compare(ffn, pixel_grid(4, 6), "layer3", range(6))
    live = result.score_values[result.scores.index("effect")] > 0
    np.testing.assert_allclose(result.cosine[0][live], 1, rtol=1e-5)
    assert result.maps == ("contribution", "randomised")
    assert np.isnan(result.cosine[0][~live]).all()


def test_results_are_saved_and_logged(nerv):
    result, *_ = compare(nerv, torch.tensor([0.3]), "block1", range(30))
    again = FaithfulnessResult.from_arrays(result.arrays())
    assert again.scores == result.scores
    assert again.scalars() == result.scalars()
    scalars = result.scalars()
    assert {"cosine_q25", "cosine_median", "spearman_q75", "rank_contribution", "error_rank_l1"} <= set(
        scalars
    )
    assert scalars["deletion_random"] == pytest.approx(
        np.trapezoid(result.deletion[CURVES.index("random")], result.shares)
    )
    assert not {"rank_effect", "error_rank_error_rise"} & set(scalars)
    assert len(result.examples) == 4
    assert (np.diff(result.example_cosines) >= 0).all()


def test_layer_without_any_effect_has_no_examples(nerv):
    with torch.no_grad():
        nerv.head.weight.zero_()
    result, *_ = compare(nerv, torch.tensor([0.3]), "block2", range(10))
    assert len(result.examples) == 0
    assert np.isnan(result.rank).all()
    assert "cosine_median" not in result.scalars()
