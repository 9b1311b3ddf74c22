import numpy as np
import pytest

from xinc_lightning.analyses import FaithfulnessResult
from xinc_lightning.analyses.faithfulness import CURVES, SHARES
from xinc_lightning.figures import agreement_with_effects


def a_result(shape=(16, 32), examples=4, maps=("contribution", "unfiltered", "randomised")):
    random = np.random.default_rng(0)
    scores = (*maps, "first_order", "l1", "l1_input", "random", "effect", "error_rise")
    return FaithfulnessResult(
        layer="block1",
        neurons=np.arange(20),
        total_neurons=18_352,
        ablation="zero",
        maps=maps,
        cosine=random.random((len(maps), 20)),
        spearman=random.random((len(maps), 20)) - 0.3,
        scores=scores,
        score_values=random.random((len(scores), 20)),
        rank=random.random(len(scores)) - 0.2,
        error_rank=np.full(len(scores), np.nan),
        cascade=np.array([1, 1, 1, 0.4]),
        shares=np.array(SHARES),
        curves=CURVES,
        deletion=30 + random.random((len(CURVES), len(SHARES))),
        insertion=30 + random.random((len(CURVES), len(SHARES))),
        examples=np.arange(examples),
        labels=tuple(f"#{i} (36→495)" for i in range(examples)),
        example_maps=random.random((examples, *shape)),
        example_effects=random.random((examples, *shape)),
        example_cosines=random.random(examples),
    )


@pytest.mark.parametrize("shape", [(16, 32), (32, 16), (16, 16)])
def test_nothing_is_cut_off_or_hidden(shape, faults):
    title = "NeRV block1 · contributions c and effects e · bunny frame 0 · epoch 1000 · 34.10 dB"
    assert not faults(agreement_with_effects(a_result(shape), title))


def test_every_map_score_and_curve_is_named(words):
    text = words(agreement_with_effects(a_result(), "title"))
    for name in (
        "without box filters",
        "randomised weights",
        "gradient × term",
        "L1 × mean |input|",
        "ΔMSE (ablation)",
    ):
        assert name in text
    assert "of 20 neurons (of 18,352)" in text


def test_layer_without_effects_is_drawn(faults):
    result = a_result(examples=0)
    result.cosine[:] = np.nan
    result.cascade[:] = np.nan
    assert not faults(agreement_with_effects(result, "title"))
