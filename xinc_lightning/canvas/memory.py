"""Chunked computations whose chunks shrink when memory runs out."""

import gc
import warnings
from collections.abc import Callable
from typing import TypeVar

import torch

FEWEST_BYTES = 2**20
"""Smaller chunks would not help: then something else takes the memory."""

T = TypeVar("T")


def within_memory(work: Callable[[int], T], max_bytes: int, what: str) -> T:
    """Run ``work``, again with chunks of half the size as long as memory runs out.

    Args:
        work: takes the size of its chunks in bytes.
        max_bytes: the initial size.
        what: name of the work, for the warning.

    Raises:
        MemoryError: if chunks of 1 MiB are too large, or torch's error for the same.
    """
    while True:
        try:
            return work(max_bytes)
        except Exception as error:
            if not is_out_of_memory(error) or max_bytes // 2 < FEWEST_BYTES:
                raise
        # Only here is the error released, and with it the memory of the failed attempt.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        max_bytes //= 2
        warnings.warn(
            f"{what} does not fit into memory; trying chunks of {max_bytes / 2**20:g} MiB.", stacklevel=3
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out; torch has no error class for CPU memory.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."))
    True
    >>> is_out_of_memory(RuntimeError("shapes differ"))
    False
    """
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
