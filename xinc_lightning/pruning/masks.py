"""Masks: which kernels of each layer are kept, what goes with them, and how they are taken out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xinc_lightning.canvas.resampling import pad_same
from xinc_lightning.canvas.trace import trace
from xinc_lightning.modules import INRModule
from xinc_lightning.pruning.scores import networks_at


@dataclass(frozen=True)
class Mask:
    """What is kept of a layer.

    Attributes:
        kernels: [networks, outputs, inputs].
        outputs: [networks, outputs]; without an output, its bias goes, too.
    """

    kernels: Tensor
    outputs: Tensor


Masks = Mapping[str, Mask]
"""By layer, input side first."""


def masks_of(module: INRModule, kept: Mapping[str, Tensor]) -> dict[str, Mask]:
    """Masks of all layers from the units that are kept in the prunable ones.

    An input channel without kernels makes the outputs that feed it useless: their kernels and biases go as well, which
    does not change the picture, and so on towards the input.

    Args:
        module: the network.
        kept: by layer, [networks, outputs, inputs] kernels or [networks, inputs] channels.
    """
    masks: dict[str, Mask] = {}
    used: Tensor | None = None
    for layer in reversed(module.layer_weights()):
        networks, outputs, inputs, _ = layer.kernels.shape
        kernels = torch.ones(networks, outputs, inputs, dtype=torch.bool)
        if layer.name in kept:
            given = kept[layer.name]
            kernels &= given if given.ndim == 3 else given[:, None]
        feeding = torch.ones(networks, outputs, dtype=torch.bool)
        if used is not None:
            feeding = used.repeat_interleave(outputs // used.shape[1], 1)
        kernels &= feeding[..., None]
        masks[layer.name] = Mask(kernels, feeding)
        used = kernels.any(1)
    return dict(reversed(masks.items()))


def gone_elements(module: INRModule, masks: Masks) -> dict[Tensor, Tensor]:
    """By parameter, which of its elements are gone, in its shape and on its device; none without masks."""
    gone: dict[Tensor, Tensor] = {}
    for layer in module.layer_weights() if masks else ():
        mask = masks[layer.name]
        kernels = (~mask.kernels)[..., None].expand(layer.kernels.shape).reshape(layer.weight.shape)
        gone[layer.weight] = kernels.to(layer.weight.device)
        gone[layer.bias] = (~mask.outputs).reshape(layer.bias.shape).to(layer.bias.device)
    return gone


@torch.no_grad()
def apply(module: INRModule, masks: Masks) -> None:
    """Set what is gone to zero, in place."""
    for parameter, gone in gone_elements(module, masks).items():
        parameter.masked_fill_(gone, 0)


@torch.no_grad()
def fold_means(module: INRModule, masks: Masks, positions: Sequence[int]) -> None:
    """Add to each bias the mean of what its pruned kernels added, over the pixels of these frames, in place.

    Call it before :func:`apply`. The means are those of the network as it is: what earlier layers lose is not counted.
    """
    layers = {layer.name: layer for layer in module.layer_weights()}
    for number, (network, inputs, _) in enumerate(networks_at(module, positions)):
        declared = network.canvas_layers()  # type: ignore[operator]
        records, _ = trace(network, declared, [inputs])
        for layer, record in zip(declared, records, strict=True):
            weights = layers[layer.name]
            kernels = weights.kernels[number]
            conv = weights.weight.ndim == 4
            means = _window_means(record.input, weights.weight.shape[2:]) if conv else _means(record.input)
            gone = ~masks[layer.name].kernels[number].to(kernels.device)
            weights.biases[number] += ((kernels * means).sum(2) * gone).sum(1)


def shares_kept(module: INRModule, masks: Masks) -> tuple[float, float]:
    """Shares that are kept: of the kernels of prunable layers, and of all parameters."""
    layers = module.layer_weights()
    kernels = [masks[layer.name].kernels for layer in layers if layer.prunable]
    kept = sum(
        int(masks[layer.name].kernels.sum()) * layer.kernels.shape[3] + int(masks[layer.name].outputs.sum())
        for layer in layers
    )
    total = module.budget.parameters  # embeddings are in no layer, and stay
    kept += total - sum(layer.weight.numel() + layer.bias.numel() for layer in layers)
    return sum(int(k.sum()) for k in kernels) / sum(k.numel() for k in kernels), kept / total


def _means(values: Tensor) -> Tensor:
    """Mean of each input unit over all pixels, [inputs, 1]."""
    return values.flatten(0, -2).mean(0)[:, None]


def _window_means(values: Tensor, kernel: torch.Size) -> Tensor:
    """Mean of each input channel at each position of a kernel, over all places of it, [inputs, positions]."""
    rows, cols = values.shape[2:]
    padded = pad_same(values, kernel)
    windows = [
        padded[:, :, r : r + rows, c : c + cols].mean((0, 2, 3))
        for r in range(kernel[0])
        for c in range(kernel[1])
    ]
    return torch.stack(windows, 1)
