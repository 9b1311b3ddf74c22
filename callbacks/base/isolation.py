"""Analysing a network in training so that training does not notice."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.pytorch.utilities.seed import isolate_rng


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause Python's garbage collector.

    Figures are made of so many small objects that Python would look through all that a training holds several
    times a checkpoint, a third of a second each, to find a few megabytes.
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
    """Evaluation mode without gradients, after which modes and random number generators are as before."""
    modes = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with torch.no_grad(), isolate_rng():
            yield
    finally:
        for m, mode in modes.items():
            m.training = mode
