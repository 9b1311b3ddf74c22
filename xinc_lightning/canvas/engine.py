"""The canvas: what each neuron of each declared layer adds to each pixel, in chunks, never all at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, cast, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributed import ProcessGroup

from xinc_lightning.canvas.conv import ConvTerms, Step
from xinc_lightning.canvas.linear import LinearTerms, Neuron
from xinc_lightning.canvas.memory import within_memory
from xinc_lightning.canvas.reduction import fastest_sweep, reduce_layer
from xinc_lightning.canvas.settings import full_precision, one_thread
from xinc_lightning.canvas.statistics import LayerStatistics
from xinc_lightning.canvas.trace import Record, trace
from xinc_lightning.networks.layers import ConvLayer, Layer, LinearLayer

MAX_BYTES = 64 * 2**20

Neurons = Sequence[int] | NDArray[np.integer[Any]] | Tensor


class Canvas:
    """A network whose neurons' contributions are to be traced.

    Args:
        network: any module. It keeps its device and dtype, which are also the maps'.
        layers: its layers, input side first, the head last; what ``network.canvas_layers()`` declares
            unless given.
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
            raise ValueError(f"neuron={neuron!r}: allowed are {', '.join(get_args(Neuron))}.")
        self.network = network
        self.declared = _checked(layers)
        self.neuron = neuron
        self.head_activation = head_activation

    def at(self, *inputs: Tensor) -> "TracedCanvas":
        """Run the network once and return the canvas of what it painted.

        Args:
            inputs: the network's arguments: [frames] times for a NeRV, [height, width, 2] coordinates for an
                FFN.

        Returns:
            The canvas; it holds copies, so that training may go on.

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

    def __init__(self, layers: Mapping[str, "LayerCanvas"]) -> None:
        self._layers = dict(layers)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers' names, input side first."""
        return tuple(self._layers)

    def __getitem__(self, name: str) -> "LayerCanvas":
        """One layer's canvas.

        Raises:
            KeyError: if there is no such layer; names the nearest.
        """
        if name not in self._layers:
            near = get_close_matches(name, self._layers, 1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise KeyError(f"no layer {name!r} among {', '.join(self._layers)}{hint}")
        return self._layers[name]

    def __iter__(self) -> Iterator["LayerCanvas"]:
        return iter(self._layers.values())

    def __len__(self) -> int:
        return len(self._layers)


class LayerCanvas:
    """One layer's contribution maps.

    Maps always have the axes neuron, frame, row, column; an FFN has one frame.

    Args:
        name: the layer's name.
        terms: what its neurons add.
    """

    def __init__(self, name: str, terms: LinearTerms | ConvTerms) -> None:
        self.name = name
        self.terms = terms

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.terms.neurons

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.terms.frames

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a map."""
        return self.terms.shape

    @property
    def labels(self) -> Mapping[str, Int[Tensor, " neurons"]]:
        """What identifies each neuron besides its index: see the terms' ``labels``."""
        return self.terms.labels

    def maps(self, neurons: Neurons) -> Float[Tensor, "n frames height width"]:
        """Contribution maps of the given neurons, in the given order, on the network's device and dtype.

        Raises:
            IndexError: if a neuron does not exist.
        """
        with torch.no_grad(), full_precision():
            return self.terms.maps(self.select(neurons))

    def chunks(
        self, max_bytes: int = MAX_BYTES, neurons: Neurons | None = None
    ) -> Iterator[tuple[Int[Tensor, " n"], Float[Tensor, "n frames height width"]]]:
        """All maps, or the given neurons', in order, a chunk at a time.

        Args:
            max_bytes: size of one chunk's maps (at least one neuron is in each); making them takes up to
                about three times as much for a moment.
            neurons: which neurons, all unless given.

        Yields:
            The neurons' indices and their maps.
        """
        for chunk in torch.split(self.select(neurons), self._chunk(max_bytes)):
            yield chunk, self.maps(chunk)

    def completeness_error(self, max_bytes: int = MAX_BYTES) -> float:
        """How far the neurons' terms before activation are from adding up to what the network computed.

        The sum runs over all neurons: over the input channels, and each sub-pixel phase is its own output. A
        few times the dtype's rounding error is exact.

        Returns:
            Largest absolute difference over the largest absolute value.
        """

        def work(size: int) -> float:
            with torch.no_grad(), full_precision(), one_thread():
                return self.terms.completeness_error(self._chunk(size))

        return within_memory(work, max_bytes, f"the canvas of layer {self.name!r}")

    def reduce(
        self,
        partitions: Mapping[str, Tensor] | None = None,
        thresholds: Sequence[float] = (0.1, 0.5),
        points: int = 1000,
        neurons: Neurons | None = None,
        max_bytes: int = MAX_BYTES,
        group: ProcessGroup | None = None,
        progress: bool = False,
    ) -> LayerStatistics:
        """Every reduction the analyses need, in three passes over the maps, which never all exist.

        Args:
            partitions: by name, each pixel's cluster, whole numbers [height, width] from 0, or
                [frames, height, width] where clusters move.
            thresholds: the fractions x for which τ_x is sought.
            points: points of the sampled sorted curve of |c|.
            neurons: which neurons, all unless given; they are treated as if they were the whole layer.
            max_bytes: size of what is worked on at once; halved while it does not fit into memory.
            group: processes that hold the same canvas and share the work; all of them get the result.
            progress: whether to show a progress bar.

        Raises:
            ValueError: if a partition or a threshold cannot be used.
            IndexError: if a neuron does not exist.
        """
        chosen = self.select(neurons)
        if not len(chosen):
            raise ValueError(f"no neurons of layer {self.name!r} to reduce: give at least one.")

        def work(size: int) -> LayerStatistics:
            # Inference mode would not reach the sweep's threads, which then could not write to its tensors.
            with torch.inference_mode(False), torch.no_grad(), full_precision():
                sweep = fastest_sweep(self.terms, chosen, size)
                return reduce_layer(
                    self.name,
                    sweep,
                    self.terms,
                    chosen,
                    partitions or {},
                    thresholds,
                    points,
                    group,
                    progress,
                )

        if group is not None:  # processes share the chunks, so none may change their size on its own
            return work(max_bytes)
        return within_memory(work, max_bytes, f"the canvas of layer {self.name!r}")

    def select(self, neurons: Neurons | None) -> Int[Tensor, " n"]:
        """Neuron indices as a tensor on the canvas's device, checked.

        Raises:
            IndexError: if a neuron does not exist.
        """
        device = self.terms.values.device
        if neurons is None:
            return torch.arange(self.neurons, device=device)
        indices = torch.as_tensor(neurons, dtype=torch.long).reshape(-1)
        wrong = indices[(indices < 0) | (indices >= self.neurons)]
        if len(wrong):
            raise IndexError(
                f"neuron {int(wrong[0])} of layer {self.name!r}: its neurons are 0 … {self.neurons - 1}."
            )
        return indices.to(device)

    def _chunk(self, max_bytes: int) -> int:
        """Neurons whose maps fit into ``max_bytes``, at least one."""
        height, width = self.shape
        return max(1, max_bytes // (self.frames * height * width * self.terms.values.element_size()))


def _checked(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers, if they can form a canvas together."""
    if not layers:
        raise ValueError("layers=[]: a canvas needs at least one layer.")
    names = [layer.name for layer in layers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two layers are called {name!r}: names must differ.")
    if len({type(layer) for layer in layers}) > 1:
        raise ValueError(
            f"layers {', '.join(names)} mix LinearLayer and ConvLayer: the way from one to the other is "
            "not defined; trace them in two canvases."
        )
    return tuple(layers)


def _check_sizes(layers: Sequence[Layer], records: Sequence[Record]) -> None:
    """Refuse a declared shuffle that is not what the next layer received."""
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
            "features] or [frames, height, width, features]; pixel_grid(height, width) goes in unflattened."
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
