"""Record input and output of each declared layer while a network runs once, without side effects."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from xinc_lightning.canvas.precision import full_precision
from xinc_lightning.networks.layers import ConvLayer, Layer


@dataclass(frozen=True)
class Record:
    """One layer's input and its output before shuffle and activation, as the network computed them."""

    input: Tensor
    output: Tensor


def layer_module(layer: Layer) -> nn.Linear | nn.Conv2d:
    """The module whose input and output are recorded for a layer."""
    return layer.conv if isinstance(layer, ConvLayer) else layer.linear


def trace(network: nn.Module, layers: Sequence[Layer], inputs: Sequence[Tensor]) -> tuple[list[Record], Any]:
    """Run ``network(*inputs)`` once and record every layer.

    Floating-point inputs are first moved to the network's device and dtype, or to its ``input_dtype`` if it has one.
    The network runs without gradients, in evaluation mode and in its own dtype whatever the autocast settings.
    Hooks, modes and random states are restored afterwards, also when the network raises.

    Args:
        network: the network.
        layers: the layers to record, each of which must run exactly once.
        inputs: the network's arguments.

    Returns:
        One record per layer, copies, so that later in-place work cannot change them; and the network's output.

    Raises:
        ValueError: if a layer does not belong to the network, or did not run exactly once.
    """
    own = set(network.modules())
    for layer in layers:
        if layer_module(layer) not in own:
            raise ValueError(f"layer {layer.name!r} is not a module of {type(network).__name__}.")
    like = next(chain(network.parameters(), network.buffers()), torch.empty(0))
    dtype = getattr(network, "input_dtype", like.dtype)
    inputs = [x.to(like.device, dtype if x.is_floating_point() else x.dtype) for x in inputs]

    records: dict[str, Record] = {}
    runs: Counter[str] = Counter()

    def record(layer: Layer, args: tuple[Tensor, ...], output: Tensor) -> None:
        runs[layer.name] += 1
        records[layer.name] = Record(args[0].detach().clone(), output.detach().clone())

    handles = [
        layer_module(layer).register_forward_hook(
            lambda _, args, output, layer=layer: record(layer, args, output)
        )
        for layer in layers
    ]
    try:
        with _evaluation(network), full_precision(), torch.autocast(like.device.type, enabled=False):
            made = network(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    for layer in layers:
        if runs[layer.name] != 1:
            raise ValueError(
                f"layer {layer.name!r} ran {runs[layer.name]} times in one forward pass of "
                f"{type(network).__name__}; a canvas needs layers that run exactly once."
            )
    return [records[layer.name] for layer in layers], made


@contextmanager
def _evaluation(network: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; modes and random states are restored afterwards."""
    training = [module for module in network.modules() if module.training]
    devices = {p.device for p in chain(network.parameters(), network.buffers()) if p.is_cuda}
    with torch.random.fork_rng([d for d in devices if d.index is not None]), torch.no_grad():
        try:
            network.eval()
            yield
        finally:
            for module in training:
                module.training = True
