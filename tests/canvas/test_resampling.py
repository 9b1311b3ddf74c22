"""Filters against torch's own."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.canvas.resampling import box_filter, pad_same


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 5), (4, 1)])
def test_a_box_filter_is_the_mean_over_its_footprint(kernel):
    maps = torch.randn(2, 3, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = F.avg_pool2d(pad_same(maps, kernel), kernel, stride=1)
    torch.testing.assert_close(box_filter(maps, kernel), expected)
