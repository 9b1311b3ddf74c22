import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xinc_lightning.canvas.streams import share_limits


@settings(deadline=None, derandomize=True)
@given(value=st.floats(2**-90, 2**90, width=32), others=st.lists(st.integers(-2, 2), min_size=1, max_size=6))
def test_share_limits_are_exact_for_neighbouring_floats(value, others):
    """Numbers a few units in the last place apart, whose mean lies between two float32 numbers."""
    steps = np.array([0, *others])
    sizes = (np.float32(value).view(np.int32) + steps).astype(np.int32).view(np.float32)
    total, neurons = sizes.astype(np.float64).sum(), len(sizes)
    limit = share_limits(torch.tensor([[[total]]], dtype=torch.float64), neurons, torch.float32).numpy()
    np.testing.assert_array_equal(sizes > limit[0, 0, 0], sizes.astype(np.float64) * neurons > total)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_contribution_has_no_share(dtype):
    assert not (torch.zeros(1, dtype=dtype) > share_limits(torch.zeros(1, 1, 1).double(), 3, dtype)).any()
