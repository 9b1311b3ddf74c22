"""A selection of neurons, such as the explorer exports, and a network without them."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from xinc_lightning.canvas.linear import Neuron
from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.modules import INRModule
from xinc_lightning.modules.layer_weights import LayerWeights
from xinc_lightning.pruning.masks import Masks, apply, masks_of

MOST_BYTES = 1 << 26
"""Of a selection's file."""


class Selection(BaseModel):
    """Neurons to take out, as a file of the explorer names them.

    Attributes:
        run: name of the run that they were chosen in.
        epoch: after which they were.
        frame: position in the clip of the frame that was looked at.
        removed: indices of the canvas's neurons, by layer.
    """

    model_config = ConfigDict(strict=True, extra="forbid")
    run: str
    epoch: int = Field(ge=0)
    frame: int = Field(ge=0)
    removed: dict[str, list[int]]


def read_selection(path: Path) -> Selection:
    """The selection in a JSON file.

    Raises:
        UserError: if there is no such file, or it is of another form.
    """
    try:
        with path.open("rb") as file:
            return Selection.model_validate_json(file.read(MOST_BYTES))
    except OSError as error:
        raise UserError(f"'{path}' cannot be read ({error.strerror}).") from None
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "all of it"
        raise UserError(
            f"'{path}' is no selection of neurons as `xinc explore` exports it: {where} is not as it must be, in "
            '{"run": "nerv-001", "epoch": 300, "frame": 0, "removed": {"head": [0, 4]}}.'
        ) from None


def without_neurons(
    module: INRModule, removed: Mapping[str, Sequence[int]], neuron: Neuron = "input"
) -> tuple[INRModule, Masks]:
    """A copy of a network without the terms of these neurons, and its masks.

    What is left renders what :func:`~xinc_lightning.canvas.picture_without` does: a term goes with its share of the
    bias. Where each frame has a network of its own, the neurons go from all of them.

    Args:
        module: the network, left as it is.
        removed: indices of neurons, by layer.
        neuron: what counts as one in a linear layer.

    Raises:
        UserError: if there is no such layer or neuron.
    """
    pruned = copy.deepcopy(module)
    layers = {layer.name: layer for layer in pruned.layer_weights() if layer.prunable}
    kept = {}
    for name, neurons in removed.items():
        if name not in layers:
            near = did_you_mean(name, layers) or "."
            raise UserError(f"there is no layer '{name}'; there are {', '.join(layers)}{near}")
        layer = layers[name]
        kind = "weight" if layer.weight.ndim - layer.networks == 4 else neuron  # of a convolution, kernels
        kept[name] = _kept(layer, neurons, kind)
        if kind != "output":  # whose bias is no part of its term
            layer.biases.mul_(kept[name].to(layer.biases).mean(2))
    masks = masks_of(pruned, kept)
    apply(pruned, masks)
    return pruned, masks


def _kept(layer: LayerWeights, neurons: Sequence[int], kind: Neuron) -> Tensor:
    """Which kernels stay, [networks, outputs, inputs]."""
    networks, outputs, inputs, _ = layer.kernels.shape
    shape = {"input": (inputs, 1), "output": (1, outputs), "weight": (inputs, outputs)}[kind]
    gone = torch.zeros(shape, dtype=torch.bool)
    wrong = next((n for n in neurons if not 0 <= n < gone.numel()), None)
    if wrong is not None:
        raise UserError(
            f"there is no neuron {wrong} in {layer.name}; they are numbered 0 … {gone.numel() - 1}."
        )
    gone.view(-1)[[*neurons]] = True
    return ~gone.expand(inputs, outputs).T.expand(networks, outputs, inputs)
