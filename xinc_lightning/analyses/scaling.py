"""Min-max scaling, by which quantities of different units are compared (§4.3, §4.5, §4.6)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def min_max_scaled(values: NDArray[Any], axis: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Shifted and scaled to [0, 1]; zeros where all values are the same. What is not finite does not count.

    >>> min_max_scaled(np.array([2.0, 3.0, 6.0]))
    array([0.  , 0.25, 1.  ])

    Args:
        values: numbers.
        axis: over which to look for the extremes, all unless given.
    """
    finite = np.isfinite(values)
    low = values.min(axis, keepdims=True, where=finite, initial=np.inf)
    high = values.max(axis, keepdims=True, where=finite, initial=-np.inf)
    varied = high > low
    scaled: NDArray[Any] = (values - np.where(np.isfinite(low), low, 0)) / np.where(varied, high - low, 1)
    return scaled
