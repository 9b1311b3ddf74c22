import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xinc_lightning.canvas.conv import box_filter, shuffle_masked, upsample_nearest
from xinc_lightning.canvas.polyphase import axis_taps


def as_matrix(taps, size):
    matrix = np.zeros((len(taps.source), size))
    for y, (source, weight, used) in enumerate(zip(taps.source, taps.weight, taps.used, strict=True)):
        assert (weight[used:] == 0).all()
        np.add.at(matrix[y], source[:used], weight[:used])
    return matrix


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    size=st.integers(1, 5),
    factor=st.integers(1, 5),
    phase=st.integers(0, 4),
    kernel=st.integers(1, 6),
    repeat=st.integers(1, 3),
    masked=st.booleans(),
)
def test_taps_are_upsampling_then_filtering(size, factor, phase, kernel, repeat, masked):
    phase %= factor
    taps = axis_taps(size, factor, phase if masked else None, kernel, repeat)
    rows = torch.eye(size)[:, None, :, None].expand(-1, 1, -1, size)  # one source row at a time is 1
    if masked:
        spread = shuffle_masked(rows, torch.full((size,), phase * factor), factor)[..., ::factor]
    else:
        spread = upsample_nearest(rows, factor)
    expected = upsample_nearest(box_filter(spread, (kernel, 1)), repeat)[:, 0, :, 0].T
    np.testing.assert_allclose(as_matrix(taps, size), expected.numpy(), rtol=1e-6)
    ones = box_filter(torch.ones(1, 1, size * factor, 1), (kernel, 1))
    np.testing.assert_allclose(taps.cover, upsample_nearest(ones, repeat)[0, 0, :, 0].numpy(), rtol=1e-6)


@pytest.mark.parametrize(("factor", "phase", "most"), [(2, None, 2), (2, 0, 2), (4, 1, 1), (1, None, 3)])
def test_a_box_of_three_needs_few_taps(factor, phase, most):
    assert axis_taps(8, factor, phase, 3).source.shape[1] == most
