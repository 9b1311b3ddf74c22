import numpy as np
import torch
from scipy.stats import rankdata, spearmanr

from xinc_lightning.analyses.agreement import (
    LOW_BITS,
    correlations,
    cosines,
    rank_correlation,
    ranks,
    ranks_of_bins,
)


def test_ranks_share_ties_as_scipy_s_do():
    maps = torch.randint(0, 5, (3, 6, 7)).float() / 4
    expected = np.stack([rankdata(each).reshape(6, 7) - 1 for each in maps.numpy()])
    np.testing.assert_array_equal(ranks(maps), expected)


def test_ranks_by_torch_alone_are_the_same():
    maps = torch.randn(3, 40, 50, generator=torch.Generator().manual_seed(0)).abs() ** 3
    maps[0] = 0
    bins = maps.flatten(1).view(torch.int32) >> LOW_BITS
    torch.testing.assert_close(ranks_of_bins(bins.long()), ranks(maps).flatten(1), rtol=0, atol=0)


def test_correlation_of_ranks_is_spearmans():
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(4, 40, 50, generator=generator).abs() ** 3
    other = one + torch.rand(4, 40, 50, generator=generator)
    expected = [spearmanr(a, b, axis=None).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(correlations(ranks(one), ranks(other)), expected, atol=1e-3)


def test_cosines_by_hand():
    one = torch.tensor([[[3.0, 4]], [[1, 0]], [[0, 0]]])
    other = torch.tensor([[[4.0, 3]], [[0, 2]], [[1, 1]]])
    np.testing.assert_allclose(cosines(one, other), [24 / 25, 0, np.nan])
    assert correlations(torch.ones(1, 2, 3), torch.rand(1, 2, 3)).isnan().all()


def test_rank_correlation_is_undefined_where_scores_are():
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([1.0, 4, 9])) == 1
    assert np.isnan(rank_correlation(np.array([1.0, 1]), np.array([1.0, 4])))
    assert np.isnan(rank_correlation(np.array([1.0, np.inf]), np.array([1.0, 4])))
    assert np.isnan(rank_correlation(np.array([1.0]), np.array([1.0])))
