import dataclasses

import torch

from xinc_lightning.canvas import Canvas
from xinc_lightning.canvas.streams import Partitions, find_brackets, share_limits
from xinc_lightning.canvas.sweep import TorchSweep
from xinc_lightning.networks import NeRV


def test_reference_sweep_never_synchronises_with_the_device():
    """On the meta device every operation that needs a value on the host raises."""
    layer = Canvas(NeRV(12, 10, 9, strides=(2, 1))).at(torch.tensor([0.5, 0.6]))["block1"]
    terms = layer.terms
    moved = {
        field.name: value.to("meta")
        for field in dataclasses.fields(terms)
        if isinstance(value := getattr(terms, field.name), torch.Tensor)
    }
    terms = dataclasses.replace(terms, **moved)
    neurons = torch.arange(layer.neurons, device="meta")
    sweep = TorchSweep(terms, neurons, 2**15)
    chunks = sweep.chunks()
    assert len(chunks) > 3
    labels = torch.zeros(2, 12, 10, 1, dtype=torch.long, device="meta")
    with torch.no_grad():
        sums = sweep.sums(chunks, Partitions(labels, {"a": 4}), iter)
        brackets = find_brackets(sums.cumulative(), (0.1, 0.5, 0.9))
        refinement = sweep.refinement(chunks, brackets, iter)
        tau = refinement.tau(sums.cumulative(), brackets, (0.1, 0.5, 0.9))
        limits = share_limits(sums.pixels, layer.neurons, torch.float32)
        counts = sweep.counts(chunks, sums, limits, tau, iter)
        strongest = sweep.strongest(chunks, 4, 8, 1)
        changes = sweep.changes(chunks)
    assert counts.above.shape == (3, 2, 12, 10)
    assert strongest.neurons.shape == (3, 3, 8)
    assert changes.pixels.shape == (1, 12, 10)
    assert sums.entropy.shape == sums.pixels.shape
    assert sums.curve(5).shape == (2, 5)
