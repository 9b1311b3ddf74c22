"""Which units go."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.errors import UserError
from xinc_lightning.pruning import ALLOCATIONS, kept_units

SCORES = {"wide": torch.arange(10.0)[None] + 1, "deep": 100 * (torch.arange(4.0)[None] + 1)}


def gone(scores=SCORES, *args, **options):
    kept = kept_units(scores, *args, **options)
    return {name: (~mask).flatten().nonzero().flatten().tolist() for name, mask in kept.items()}


def test_equal_shares_take_the_lowest_of_each_layer():
    assert gone(SCORES, 0.5) == {"wide": [0, 1, 2, 3, 4], "deep": [0, 1]}


def test_one_threshold_takes_the_lowest_of_all():
    assert gone(SCORES, 0.5, "global") == {"wide": [0, 1, 2, 3, 4, 5, 6], "deep": []}


def test_layers_are_comparable_after_dividing_by_their_mean():
    # 1/5.5 … 10/5.5 beside 0.4, 0.8, 1.2, 1.6
    assert gone(SCORES, 0.5, "mean") == {"wide": [0, 1, 2, 3, 4], "deep": [0, 1]}


def test_sizes_divide_by_the_root_of_the_weights_that_are_left():
    alike = {"large": torch.full((1, 4), 2.0), "small": torch.full((1, 4), 2.0)}
    assert gone(alike, 0.5, "size", {"large": 900, "small": 9}) == {"large": [0, 1, 2, 3], "small": []}
    alive = {
        "large": torch.tensor([[True, False, False, False]]),
        "small": torch.ones(1, 4, dtype=torch.bool),
    }
    # 3 are gone already; of the others the one of the layer with √900 goes before those with √3600
    assert gone(alike, 0.5, "size", {"large": 900, "small": 900}, alive) == {"large": [1, 2, 3], "small": [0]}


@given(st.integers(0, 1000), st.floats(0, 0.99), st.floats(0, 0.99), st.sampled_from(ALLOCATIONS))
def test_what_is_gone_stays_gone_and_the_share_is_met(seed, first, second, allocation):
    generator = torch.Generator().manual_seed(seed)
    scores = {name: torch.rand(1, n, 7, generator=generator) for name, n in (("a", 5), ("b", 9))}
    before = kept_units(scores, first, allocation)
    after = kept_units(scores, second, allocation, alive=before)
    for name in scores:
        assert not (after[name] & ~before[name]).any()
    total = sum(int((~mask).sum()) for mask in after.values())
    assert abs(total - 98 * max(first, second)) <= len(scores)


@pytest.mark.parametrize(("share", "allocation"), [(1.0, "equal"), (-0.1, "equal"), (0.5, "fair")])
def test_shares_and_allocations_that_there_are_not(share, allocation):
    with pytest.raises(UserError):
        kept_units(SCORES, share, allocation)
