"""Min-max scaling, to compare quantities of different units (§4.3, §4.5, §4.6)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def min_max_scaled(values: NDArray[Any], axis: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Shifted and scaled to [0, 1]; zeros if all values are the same. Values that are not finite are ignored.

    >>> min_max_scaled(np.array([2.0, 3.0, 6.0]))
    array([0.  , 0.25, 1.  ])

    Args:
        values: numbers.
        axis: axes of minimum and maximum, by default all.
    """
    finite = np.isfinite(values)
    low = values.min(axis, keepdims=True, where=finite, initial=np.inf)
    high = values.max(axis, keepdims=True, where=finite, initial=-np.inf)
    varied = high > low
    scaled: NDArray[Any] = (values - np.where(np.isfinite(low), low, 0)) / np.where(varied, high - low, 1)
    return scaled
