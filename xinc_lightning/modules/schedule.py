"""The learning rate over training."""

import math


def warmup_cosine(progress: float, warmup: float) -> float:
    """Factor on the learning rate: linear from 0.1 over the first ``warmup`` of training, then cosine to 0.

    >>> [round(warmup_cosine(p, 0.1), 2) for p in (0, 0.05, 0.1, 0.55, 1)]
    [0.1, 0.55, 1.0, 0.5, 0.0]
    """
    if progress < warmup:
        return 0.1 + 0.9 * progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
