"""Analysing a network during training without side effects on the training."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.pytorch.utilities.seed import isolate_rng


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause Python's garbage collector.

    Figures are made of so many small objects that Python would scan all objects of the training several times per
    evaluation, a third of a second each, to free a few megabytes.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def undisturbed(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; modes, random states and torch's threads are restored afterwards.

    Threads, because numba, and so UMAP, gives torch as many as the machine has cores: sums in another order.
    """
    modes = {m: m.training for m in module.modules()}
    threads = torch.get_num_threads()
    module.eval()
    try:
        with torch.no_grad(), isolate_rng():
            yield
    finally:
        for m, mode in modes.items():
            m.training = mode
        torch.set_num_threads(threads)
