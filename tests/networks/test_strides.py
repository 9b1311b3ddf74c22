"""Strides: those of HNeRV's paper, and that solved ones are the best that there are."""

from itertools import combinations_with_replacement
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinc_lightning.errors import UserError
from xinc_lightning.networks.strides import solved_strides, stem_grid

EVERY = {prod(c) for n in range(1, 6) for c in combinations_with_replacement((2, 3, 4, 5), n)}


def test_strides_that_do_not_divide_name_the_nearest_size():
    with pytest.raises(ValueError, match=r"130×250: .* multiples of 16; .* 128×256"):
        stem_grid(130, 250, (4, 2, 2))


def test_a_stride_is_at_least_one():
    with pytest.raises(UserError, match=r"strides must be 1 or more each, got \[4, 0\]"):
        stem_grid(16, 32, (4, 0))


@pytest.mark.parametrize(
    ("size", "strides"),
    [
        ((640, 1280), [5, 4, 4, 2, 2]),  # Bunny
        ((960, 1920), [5, 4, 4, 3, 2]),  # UVG
        ((480, 960), [5, 4, 3, 2, 2]),
        ((128, 256), [4, 2, 2, 2, 2]),
        ((16, 32), [2, 2, 2]),
        ((720, 1280), [5, 2, 2, 2, 2]),
    ],
)
def test_the_papers_sizes_have_its_strides(size, strides):
    assert solved_strides(*size) == strides


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 700), st.integers(1, 700))
def test_solved_strides_leave_the_smallest_grid_that_there_is(height, width):
    grids = [min(height, width) // total for total in EVERY if height % total == 0 and width % total == 0]
    fitting = [side for side in grids if 2 <= side < 10]
    if not fitting:
        with pytest.raises(UserError, match=f"resolution {height}×{width}; the nearest size"):
            solved_strides(height, width)
        return
    strides = solved_strides(height, width)
    assert min(stem_grid(height, width, strides)) == min(fitting)
    assert len(strides) <= 5
    assert set(strides) <= {2, 3, 4, 5}
    assert strides == sorted(strides, reverse=True)


@pytest.mark.parametrize(
    ("size", "near"), [((130, 250), "125×250"), ((7, 13), "8×12"), ((1, 1), "4×4"), ((127, 256), "128×256")]
)
def test_a_size_without_strides_names_the_nearest_that_has_some(size, near):
    with pytest.raises(UserError, match=f"the nearest size with such strides is {near}"):
        solved_strides(*size)
    solved_strides(*map(int, near.split("×")))
