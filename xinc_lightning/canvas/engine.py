"""The canvas: what each neuron of each declared layer of a network adds to each pixel."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast, get_args

from torch import Tensor, nn

from xinc_lightning.canvas.conv import ConvTerms, Step
from xinc_lightning.canvas.layer_canvas import LayerCanvas
from xinc_lightning.canvas.linear import LinearTerms, Neuron
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
        self.network = network
        self.declared = _checked(layers)
        self.neuron = neuron
        self.head_activation = head_activation

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
        records = trace(self.network, self.declared, inputs)
        layers = {}
        for i, (layer, record) in enumerate(zip(self.declared, records, strict=True)):
            terms: LinearTerms | ConvTerms
            if isinstance(layer, LinearLayer):
                terms = _linear_terms(layer, record, self.neuron)
            else:
                terms = _conv_terms(layer, record, self.declared[i + 1 :])
            if i == len(records) - 1 and not self.head_activation:
                terms = replace(terms, activation=None)
            layers[layer.name] = LayerCanvas(layer.name, terms)
        _check_sizes(self.declared, records)
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


def _copy(parameter: Tensor) -> Tensor:
    return parameter.detach().clone()
