import numpy as np

from xinc_lightning.analyses.scaling import min_max_scaled


def test_each_map_is_scaled_separately_and_keeps_its_dtype():
    maps = np.array([[[1, 3]], [[5, 5]], [[-2, 6]]], np.float32)
    scaled = min_max_scaled(maps, axis=(1, 2))
    assert scaled.tolist() == [[[0, 1]], [[0, 0]], [[0, 1]]]
    assert scaled.dtype == np.float32


def test_not_finite_values_are_kept_and_ignored():
    assert min_max_scaled(np.array([0.0, 2.0, np.inf])).tolist() == [0, 1, np.inf]
    assert np.isnan(min_max_scaled(np.array([np.nan, 1.0, 3.0]))[0])
    assert np.isnan(min_max_scaled(np.full(3, np.nan))).all()
