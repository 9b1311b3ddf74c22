"""A canvas whose chunks do not fit into memory is computed in smaller ones."""

import numpy as np
import pytest
import torch

from xinc_lightning.canvas import Canvas, layer_canvas
from xinc_lightning.canvas.memory import within_memory
from xinc_lightning.canvas.sweep import TorchSweep
from xinc_lightning.networks import FFN, pixel_grid

MIB = 2**20


def cpu_error():
    """The error that torch raises, from torch itself."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), cpu_error()])
def test_chunks_are_halved_until_they_fit_with_a_warning_each(error):
    tried = []

    def work(size):
        tried.append(size / MIB)
        if size > 10 * MIB:
            raise error
        return "done"

    with pytest.warns(UserWarning, match="the canvas does not fit into memory; trying chunks of") as said:
        assert within_memory(work, 64 * MIB, "the canvas") == "done"
    assert tried == [64, 32, 16, 8]
    assert [str(w.message).split()[-2] for w in said] == ["32", "16", "8"]


def test_error_is_raised_if_the_smallest_chunk_does_not_fit():
    tried = []

    def work(size):
        tried.append(size)
        raise MemoryError("no")

    with pytest.warns(UserWarning, match="trying"), pytest.raises(MemoryError, match="no"):
        within_memory(work, 64 * MIB, "the canvas")
    assert tried[-1] == MIB


@pytest.mark.filterwarnings("error")
def test_other_errors_are_raised_at_once():
    def work(size):
        raise ValueError("shapes differ")

    with pytest.raises(ValueError, match="shapes differ"):
        within_memory(work, 64 * MIB, "the canvas")


def test_reductions_in_the_smaller_chunks_are_the_same(monkeypatch):
    layer = Canvas(FFN(width=6).double()).at(pixel_grid(4, 5).double())["layer1"]
    expected = layer.reduce()
    used = []

    class Tight(TorchSweep):
        """Has room for 4 MiB, and notices in the second pass."""

        def __init__(self, terms, neurons, max_bytes):
            super().__init__(terms, neurons, max_bytes)
            used.append(max_bytes)

        def refinement(self, *arguments):
            if used[-1] > 4 * MIB:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().refinement(*arguments)

    monkeypatch.setattr(layer_canvas, "fastest_sweep", Tight)
    with pytest.warns(UserWarning, match="canvas of layer 'layer1' does not fit into memory"):
        found = layer.reduce()
    assert used == [n * MIB for n in (64, 32, 16, 8, 4)]
    np.testing.assert_array_equal(found.absolute_sum, expected.absolute_sum)
    np.testing.assert_array_equal(found.tau, expected.tau)
