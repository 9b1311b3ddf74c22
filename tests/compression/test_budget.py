"""Budgets, and sizing a network from one."""

import random
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xinc_lightning.compression import Budget, largest_width, parameters_for_bpp
from xinc_lightning.modules import FFNModule, NeRVModule, SIRENModule
from xinc_lightning.networks import FFN, NeRV
from xinc_lightning.networks.nerv import block_widths


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def ffn_parameters(width: int) -> int:
    """By hand: 2w → w → w → 3."""
    return 2 * width * width + width + width * width + width + 3 * width + 3


def nerv_parameters(channels: int, grid: tuple[int, int]) -> int:
    """By hand: the stem from 160 features, three blocks of strides 4, 2, 2, the head."""
    widths = block_widths(channels, 3)
    blocks = sum((9 * i + 1) * o * r * r for i, o, r in zip(widths, widths[1:], (4, 2, 2), strict=False))
    return 161 * channels * prod(grid) + blocks + (9 * widths[-1] + 1) * 3


def test_paper_networks_from_one_bpp_target():
    bpp = 1_000_000 * 32 / (30 * 128 * 256)
    nerv = largest_width(lambda w: count(NeRV(channels=w)), parameters_for_bpp(bpp, 30, 128, 256))
    ffn = largest_width(lambda w: count(FFN(w)), parameters_for_bpp(bpp, 1, 128, 256))
    assert (nerv, count(NeRV(channels=nerv))) == (37, 978_557) == (nerv, nerv_parameters(37, (8, 16)))
    assert (ffn, count(FFN(ffn))) == (104, 32_971) == (ffn, ffn_parameters(104))


@given(st.integers(4, 10**7))
def test_largest_width_is_the_last_that_fits(budget):
    width = largest_width(lambda w: w * w + 3, budget)
    assert width**2 + 3 <= budget < (width + 1) ** 2 + 3


def test_budget_too_small_names_the_minimum():
    with pytest.raises(ValueError, match="narrowest such network takes 11"):
        largest_width(lambda w: 11 * w, 10)
    with pytest.raises(ValueError, match=r"Raise the bpp or parameter target, or use fewer strides\.$"):
        largest_width(lambda w: 11 * w, 10, "use fewer strides")


def test_a_width_that_does_not_matter_is_refused():
    """A SIREN of a single layer: doubling its width would never end."""
    with pytest.raises(ValueError, match="takes 9 parameters at any width"):
        largest_width(lambda w: 9, 100)


def test_budget_prints_its_accounting():
    assert str(Budget(978_557, 30, 128, 256)) == (
        "978,557 parameters × 32 bits / (30 frames × 128×256 pixels) = 31.8541 bpp"
    )
    assert Budget(32_971, 1, 128, 256).printed_bpp == "32.199"


def given_back(parameters: int, frames: int, height: int, width: int) -> set[int]:
    """Parameters that a bpp allows which was printed in the table, or written to report.json."""
    budget = Budget(parameters, frames, height, width)
    return {
        parameters_for_bpp(float(text), frames, height, width)
        for text in (budget.printed_bpp, repr(budget.bpp))
    }


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
@pytest.mark.parametrize("architecture", ["ffn", "nerv"])
def test_a_bpp_given_back_as_printed_allows_the_same_network(architecture, seed):
    """Of 20,000 networks each; a parameter less would be a width less."""
    draw = random.Random(seed)
    for _ in range(100):
        frames, width = draw.randint(1, 600), draw.randint(1, 400)
        if architecture == "ffn":
            size = draw.randint(1, 2160), draw.randint(1, 3840)
            one = ffn_parameters(width)
            assert given_back(frames * one, frames, *size) == {frames * one}
            assert given_back(one, 1, *size) == {one}
        else:
            grid = draw.randint(1, 68), draw.randint(1, 120)
            parameters = nerv_parameters(width, grid)
            assert given_back(parameters, frames, 16 * grid[0], 16 * grid[1]) == {parameters}


@pytest.mark.parametrize(
    ("module", "target"),
    [
        (FFNModule, ffn_parameters(21)),
        (NeRVModule, nerv_parameters(7, (3, 2))),
        (SIRENModule, 3 * 21**2 + 9 * 21 + 3),
    ],
    ids=["FFN", "NeRV", "SIREN"],
)
def test_the_same_network_is_built(module, target):
    built = module(target_parameters=target, clip_shape=[3, 48, 32])
    again = module(target_bpp=float(built.budget.printed_bpp), clip_shape=[3, 48, 32])
    assert count(again.network) == count(built.network)
