"""The picture of a network without some of its neurons: their terms are taken out, and everything after follows."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from xinc_lightning.canvas.engine import Canvas
from xinc_lightning.canvas.linear import Neuron
from xinc_lightning.canvas.trace import layer_module
from xinc_lightning.networks.layers import ConvLayer, Layer


def picture_without(canvas: Canvas, removed: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
    """What a network makes of its inputs when the terms of some neurons are taken out of its layers.

    A term is all that a neuron adds before the activation, with its share of the bias (:mod:`.conv`, :mod:`.linear`).
    Without all neurons of a layer, nothing is left of that layer but the activation of zero. The network itself is
    not changed.

    Args:
        canvas: the network with its layers.
        removed: by layer, indices of neurons; each counts once.
        inputs: the network's arguments.

    Raises:
        KeyError: if there is no such layer.
    """
    names = {id(parameter): name for name, parameter in canvas.network.named_parameters()}
    layers = {layer.name: layer for layer in canvas.declared}
    changed: dict[str, Tensor] = {}
    for name, neurons in removed.items():
        module = layer_module(layers[name])
        weight, bias = _without(layers[name], torch.unique(neurons), canvas.neuron)
        changed[names[id(module.weight)]] = weight
        if module.bias is not None and bias is not None:
            changed[names[id(module.bias)]] = bias
    with torch.no_grad():
        picture: Tensor = torch.func.functional_call(canvas.network, changed, inputs)
    return picture


def _without(layer: Layer, neurons: Tensor, neuron: Neuron) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of a layer without these of its neurons."""
    module: nn.Linear | nn.Conv2d = layer_module(layer)
    weight = module.weight.detach().clone()
    outputs, inputs = weight.shape[:2]
    gone = torch.zeros(inputs, outputs, dtype=torch.bool, device=weight.device)
    if isinstance(layer, ConvLayer) or neuron == "weight":
        gone.view(-1)[neurons] = True
    elif neuron == "input":
        gone[neurons] = True
    else:  # an output's bias is no part of its term
        gone[:, neurons] = True
    weight[gone.T] = 0
    if module.bias is None or (neuron == "output" and not isinstance(layer, ConvLayer)):
        return weight, None
    return weight, module.bias.detach() * (1 - gone.float().mean(0).to(module.bias))
