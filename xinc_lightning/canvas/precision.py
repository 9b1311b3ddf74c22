"""Context managers for torch's global settings, which restore the earlier settings."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Float32 products in float32, never in TF32 or bfloat16.

    Contribution maps are compared with each other to 1e-5, while TF32 keeps three digits.
    """
    matmul = torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn
    torch.set_float32_matmul_precision("highest")
    try:
        with cudnn.flags(
            enabled=cudnn.enabled,
            benchmark=cudnn.benchmark,
            deterministic=cudnn.deterministic,
            allow_tf32=False,
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(matmul)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: faster for many small operations, by far on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
