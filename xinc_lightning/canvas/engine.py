"""The canvas: what each neuron of each declared layer of a network adds to each pixel."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from xinc_lightning.canvas.chain import Chain, Link, phases_first
from xinc_lightning.canvas.conv import ConvTerms, Step
from xinc_lightning.canvas.effects import EffectTerms
from xinc_lightning.canvas.layer_canvas import LayerCanvas
from xinc_lightning.canvas.linear import LinearTerms, Neuron
from xinc_lightning.canvas.options import Maps
from xinc_lightning.canvas.trace import Record, trace
from xinc_lightning.errors import did_you_mean
from xinc_lightning.networks.layers import ConvLayer, Layer, LinearLayer


class Canvas:
    """A network whose neurons' contributions are traced.

    Args:
        network: any module. The maps have its device and dtype.
        layers: its layers, input side first, the head last; by default those that ``network.canvas_layers()``
            declares.
        neuron: what counts as a neuron of a linear layer, see
            :class:`~xinc_lightning.canvas.linear.LinearTerms`.
        head_activation: whether the last layer's maps pass through its activation (the paper's text) or not
            (its released code).
        maps: whether maps are the neurons' contributions or |e|, the absolute effects of taking them out, summed over
            the colours.

    Raises:
        ValueError: if the network declares no layers and none are given, or they cannot form a canvas.

    >>> from xinc_lightning.networks import FFN, pixel_grid
    >>> canvas = Canvas(FFN(width=8)).at(pixel_grid(4, 6))
    >>> canvas.layers
    ('layer1', 'layer2', 'layer3')
    >>> canvas["layer1"].maps([0, 5]).shape
    torch.Size([2, 1, 4, 6])
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Sequence[Layer] | None = None,
        neuron: Neuron = "input",
        head_activation: bool = True,
        maps: Maps = "contribution",
    ) -> None:
        if layers is None:
            if not hasattr(network, "canvas_layers"):
                raise ValueError(
                    f"{type(network).__name__} has no canvas_layers(): add one, or give "
                    "Canvas(network, layers=[…]) a list of LinearLayer or of ConvLayer."
                )
            layers = cast(Callable[[], Sequence[Layer]], network.canvas_layers)()
        if neuron not in get_args(Neuron):
            raise ValueError(f"neuron must be one of {', '.join(get_args(Neuron))}, got {neuron!r}.")
        if maps not in get_args(Maps):
            raise ValueError(f"maps must be one of {', '.join(get_args(Maps))}, got {maps!r}.")
        self.network = network
        self.declared = _checked(layers)
        self.neuron = neuron
        self.head_activation = head_activation
        self.maps = maps

    def at(self, *inputs: Tensor) -> "TracedCanvas":
        """Run the network once and return the canvas of its output.

        Args:
            inputs: the network's arguments: [frames] times for a NeRV, [height, width, 2] coordinates for an
                FFN.

        Returns:
            The canvas; it holds copies, so that training may continue.

        Raises:
            ValueError: if the layers did not run as they were declared.
        """
        # Not in inference mode, so that gradients can flow through what is kept.
        with torch.inference_mode(False), torch.no_grad():
            return self._traced(inputs)

    def _traced(self, inputs: Sequence[Tensor]) -> "TracedCanvas":
        records, picture = trace(self.network, self.declared, inputs)
        every = [
            _linear_terms(layer, record, self.neuron)
            if isinstance(layer, LinearLayer)
            else _conv_terms(layer, record, self.declared[i + 1 :])
            for i, (layer, record) in enumerate(zip(self.declared, records, strict=True))
        ]
        if not self.head_activation:
            every[-1] = replace(every[-1], activation=None)
        _check_sizes(self.declared, records)
        links = _links(self.declared, records, picture)
        layers = {}
        for i, (layer, terms) in enumerate(zip(self.declared, every, strict=True)):
            effects = EffectTerms(terms, Chain(links[i:], self.head_activation))
            shown = effects if self.maps == "effect" else terms
            layers[layer.name] = LayerCanvas(layer.name, shown, effects)
        return TracedCanvas(layers)


class TracedCanvas:
    """The layers' canvases at given inputs, by name."""

    def __init__(self, layers: Mapping[str, LayerCanvas]) -> None:
        self._layers = dict(layers)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers' names, input side first."""
        return tuple(self._layers)

    def __getitem__(self, name: str) -> LayerCanvas:
        """One layer's canvas.

        Raises:
            KeyError: if there is no such layer; names the nearest.
        """
        if name not in self._layers:
            hint = did_you_mean(name, self._layers) or "."
            raise KeyError(f"no layer {name!r} among {', '.join(self._layers)}{hint}")
        return self._layers[name]

    def __iter__(self) -> Iterator[LayerCanvas]:
        return iter(self._layers.values())

    def __len__(self) -> int:
        return len(self._layers)


def _checked(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers, if they can form a canvas together."""
    if not layers:
        raise ValueError("layers is empty: a canvas needs at least one layer.")
    names = [layer.name for layer in layers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two layers are named {name!r}: names must differ.")
    if len({type(layer) for layer in layers}) > 1:
        raise ValueError(
            f"layers {', '.join(names)} mix LinearLayer and ConvLayer, which one canvas does not support; "
            "trace them in two canvases."
        )
    return tuple(layers)


def _check_sizes(layers: Sequence[Layer], records: Sequence[Record]) -> None:
    """Reject a declared shuffle that contradicts the input of the next layer."""
    pairs = zip(layers, layers[1:], records, records[1:], strict=False)
    for layer, following, record, received in pairs:
        if isinstance(layer, ConvLayer):
            frames, channels, rows, cols = record.output.shape
            r = layer.shuffle
            declared = (frames, channels // r**2, rows * r, cols * r)
            if tuple(received.input.shape) != declared:
                raise ValueError(
                    f"layer {layer.name!r} declares shuffle={r}, which makes {declared}, but "
                    f"{following.name!r} receives {tuple(received.input.shape)}."
                )


def _linear_terms(layer: LinearLayer, record: Record, neuron: Neuron) -> LinearTerms:
    values, output = record.input, record.output
    if values.ndim not in (3, 4):
        raise ValueError(
            f"the input of layer {layer.name!r} is {tuple(values.shape)}: a canvas needs [height, width, "
            "features] or [frames, height, width, features]; do not flatten pixel_grid(height, width)."
        )
    if values.ndim == 3:
        values, output = values[None], output[None]
    bias = layer.linear.bias
    return LinearTerms(
        values,
        _copy(layer.linear.weight),
        None if bias is None else _copy(bias),
        output,
        neuron,
        layer.activation,
    )


def _conv_terms(layer: ConvLayer, record: Record, later: Sequence[Layer]) -> ConvTerms:
    if record.input.ndim != 4:
        raise ValueError(
            f"the input of layer {layer.name!r} is {tuple(record.input.shape)}: a canvas needs "
            "[frames, channels, rows, cols]."
        )
    bias = layer.conv.bias
    steps = [
        Step(
            (step.conv.kernel_size[0], step.conv.kernel_size[1]),
            step.shuffle,
            step.activation if i < len(later) - 1 else None,
        )
        for i, step in enumerate(later)
        if isinstance(step, ConvLayer)
    ]
    return ConvTerms(
        record.input,
        _copy(layer.conv.weight),
        None if bias is None else _copy(bias),
        record.output,
        layer.shuffle,
        layer.activation,
        tuple(steps),
    )


def _links(layers: Sequence[Layer], records: Sequence[Record], picture: Any) -> tuple[Link, ...]:
    """The layers as the network ran them, to run it from one of them on."""
    links = []
    for layer, record, following in zip(layers, records, (*records[1:], None), strict=True):
        if isinstance(layer, LinearLayer):
            weight, shuffle = layer.linear.weight[..., None, None], 1
        else:
            weight, shuffle = layer.conv.weight, layer.shuffle
        output = _channels_last(layer, record.output)
        output = phases_first(output.movedim(-1, 0), shuffle).movedim(0, -1).contiguous()
        weight = phases_first(_copy(weight), shuffle).contiguous(memory_format=torch.channels_last)
        activation = layer.activation if following else layer.picture or layer.activation
        link = Link(layer.name, weight, output, shuffle, activation, output)
        if following:
            after = _channels_last(layer, following.input)
        elif isinstance(picture, Tensor) and picture.numel() == output.numel():
            after = _channels_last(layer, picture.detach().clone())
        else:  # the network returns something else than a picture
            after = link.shuffled(link.activated(output.clone()))
        links.append(replace(link, after=after))
    return tuple(links)


def _channels_last(layer: Layer, values: Tensor) -> Tensor:
    """What a layer takes or makes as [frames, rows, cols, channels]."""
    if isinstance(layer, LinearLayer):
        return (values if values.ndim == 4 else values[None]).contiguous()
    return values.movedim(1, -1).contiguous()


def _copy(parameter: Tensor) -> Tensor:
    return parameter.detach().clone()
