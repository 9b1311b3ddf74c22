"""Workaround for MKL's sine, tanh and similar functions, which can be a thousand times less accurate at first use."""

import torch

MKL_FUNCTIONS = (
    *("acos", "asin", "atan", "cos", "erf", "erfc", "erfinv", "exp", "log", "log10", "log2"),
    *("sin", "sqrt", "tan", "tanh", "trunc"),
)
"""Functions for which torch uses MKL's vector mathematics, from its header ``ATen/cpu/vml.h``."""


def settle_vector_math() -> None:
    """Call each of these functions once on a single number, and so in one thread.

    MKL chooses the code for a function at its first call. If several threads make that call together, as for
    any large tensor in a new process, one of them sometimes runs code of low accuracy: half of an encoding
    with errors of 1.5e-4, in 1 of 500 processes on a busy machine (pytorch/pytorch#188792, MKL before 2025).
    All later calls are accurate, so that the same training would give different weights.
    """
    for dtype in (torch.float32, torch.float64):
        one = torch.ones(1, dtype=dtype)
        for name in MKL_FUNCTIONS:
            getattr(torch, name)(one)
