"""Upsampling followed by a box filter, as a weighted sum of a few source rows and columns per output pixel.

Zero-insertion (a masked PixelShuffle) or nearest-neighbour upsampling, the box filter and a further
nearest-neighbour upsampling are linear and separable, so that together they are one short weighted sum along
each axis: two taps instead of k·r for the paper's network. Activations commute with nearest-neighbour
upsampling, so that it can be merged with the filter that follows it.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Taps(NamedTuple):
    """Weights with which positions along an axis of the source enter those of the output.

    Args:
        source: [size, taps] positions in the source.
        weight: [size, taps] their weights, 0 beyond ``used``.
        used: [size] number of taps.
        cover: [size] share of the box filter's footprint that is inside the frame.
    """

    source: NDArray[np.uint32]
    weight: NDArray[np.float32]
    used: NDArray[np.int64]
    cover: NDArray[np.float32]


@lru_cache(maxsize=1024)
def axis_taps(size: int, factor: int, phase: int | None, kernel: int, repeat: int = 1) -> Taps:
    """Taps of upsampling by ``factor``, a box filter of ``kernel`` and repeating every value; cached.

    Args:
        size: length of the source's axis.
        factor: upsampling factor before the filter.
        phase: which of ``factor`` positions holds the value, the others being 0; ``None`` repeats it to all.
        kernel: length of the box filter along this axis.
        repeat: nearest-neighbour upsampling after the filter.

    >>> taps = axis_taps(2, 2, None, 3)
    >>> taps.source.tolist()
    [[0, 0], [0, 1], [0, 1], [1, 0]]
    >>> (3 * taps.weight).round().tolist()
    [[2.0, 0.0], [2.0, 1.0], [1.0, 2.0], [2.0, 0.0]]
    """
    before = (kernel - 1) // 2
    taps: list[dict[int, float]] = []
    cover = []
    for y in range(size * factor):
        footprint = range(max(y - before, 0), min(y - before + kernel, size * factor))
        sources: dict[int, float] = {}
        for position in footprint:
            if phase is None or position % factor == phase:
                sources[position // factor] = sources.get(position // factor, 0.0) + 1 / kernel
        taps.append(sources)
        cover.append(len(footprint) / kernel)
    most = max(1, *map(len, taps)) if taps else 1
    index = [[*sources, *[0] * (most - len(sources))] for sources in taps]
    weight = [[*sources.values(), *[0.0] * (most - len(sources))] for sources in taps]
    return Taps(
        np.repeat(np.asarray(index, np.uint32), repeat, 0),
        np.repeat(np.asarray(weight, np.float32), repeat, 0),
        np.repeat(np.asarray([len(sources) for sources in taps], np.int64), repeat),
        np.repeat(np.asarray(cover, np.float32), repeat),
    )
