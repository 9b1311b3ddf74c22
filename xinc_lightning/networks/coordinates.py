"""Networks that map pixel coordinates to colours, and the stack that trains one for each frame at once."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from xinc_lightning.errors import UserError
from xinc_lightning.networks.encoding import Encoding, Grid, affine
from xinc_lightning.networks.layers import LinearLayer


class CoordinateNetwork(nn.Module, ABC):
    """An encoding of pixel coordinates, then linear layers with an activation between them.

    Args:
        encoding: of the coordinates.
        features: that it makes of them.
        width: units of each hidden layer.
        depth: number of linear layers.

    Raises:
        UserError: without a layer.
    """

    def __init__(self, encoding: Encoding, features: int, width: int, depth: int) -> None:
        super().__init__()
        if depth < 1:
            raise UserError(f"depth must be 1 linear layer or more, got {depth}.")
        self.encoding = encoding
        sizes = [features, *[width] * (depth - 1), 3]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise(sizes))

    @abstractmethod
    def activation(self, values: Tensor) -> Tensor:
        """The activation after every layer but the last, elementwise."""

    def hidden(self, linear: Callable[[Tensor, Tensor], Tensor], weight: Tensor, bias: Tensor) -> Tensor:
        """A hidden layer with its activation, of which a subclass may have a faster form.

        Args:
            linear: the linear layer as a function of its weight and bias; its result may be overwritten.
            weight: [out, in], or one for each frame.
            bias: [out], or one for each frame.
        """
        return self.activation(linear(weight, bias))

    def forward(self, coordinates: Tensor) -> Tensor:
        """Render [..., 2] coordinates as [..., 3] colours."""
        values: Tensor = self.encoding(coordinates)
        for layer in self.layers[:-1]:
            values = self.activation(layer(values))
        colours: Tensor = self.layers[-1](values)
        return colours

    def canvas_layers(self) -> list[LinearLayer]:
        """The layers ``layer1`` … with their activations, for the canvas engine."""
        last = len(self.layers) - 1
        return [
            LinearLayer(f"layer{i + 1}", layer, None if i == last else self.activation)  # type: ignore[arg-type]
            for i, layer in enumerate(self.layers)
        ]


class NetworkStack(nn.Module):
    """One independent network per frame, trained together: every weight carries a leading frame axis.

    All of them start from the same weights and encoding, as separate runs with the same seed would, and no
    gradient crosses between them.

    Args:
        network: from whose weights all start.
        frames: number of networks.

    Raises:
        UserError: without a frame.
    """

    encoding: Encoding

    def __init__(self, network: CoordinateNetwork, frames: int = 1) -> None:
        super().__init__()
        if frames < 1:
            raise UserError(f"frames must be at least 1, got {frames}.")
        self.encoding = network.encoding
        layers = [layer.linear for layer in network.canvas_layers()]
        self.weights = nn.ParameterList(layer.weight.detach().repeat(frames, 1, 1) for layer in layers)
        self.biases = nn.ParameterList(layer.bias.detach().repeat(frames, 1) for layer in layers)
        # In a tuple, because its parameters, which have no memory, are none of the stack's.
        self._one = (copy.deepcopy(network).to("meta"),)

    @property
    def layers(self) -> list[str]:
        """The layers' names, input side first."""
        return [layer.name for layer in self._one[0].canvas_layers()]

    def grid(self, height: int, width: int) -> Grid:
        """The encoded pixels of an image, for :meth:`forward`."""
        return self.encoding.folded(height, width).to(self.weights[0])

    def forward(self, grid: Grid, positions: Tensor | None = None) -> Tensor:
        """Render the frames at ``positions``, all of them by default, as [positions, 3, pixels].

        Pixels are the last axis, here and in between: matrix products are faster that way.

        Args:
            grid: ``self.grid(height, width)``.
            positions: [positions] indices of frames.
        """
        linear: Callable[[Tensor, Tensor], Tensor] = grid.linear
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if positions is not None and len(weight) > 1:
                weight, bias = weight.index_select(0, positions), bias.index_select(0, positions)
            if len(weight) == 1:  # a plain matrix product is faster than a batch of one
                weight, bias = weight[0], bias[0]
            if i < last:
                linear = partial(affine, values=self._one[0].hidden(linear, weight, bias))
        colours = grid.unfold(linear(weight, bias))
        return colours if colours.ndim == 3 else colours[None]

    def frame(self, index: int) -> CoordinateNetwork:
        """The network of one frame, detached from the stack."""
        like = self.weights[0]
        # A copy of one without memory draws no random numbers, which would change the training.
        network = copy.deepcopy(self._one[0]).to(like.dtype).to_empty(device=like.device)
        state = {f"encoding.{name}": value for name, value in self.encoding.state_dict().items()}
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            state[f"layers.{i}.weight"], state[f"layers.{i}.bias"] = weight[index], bias[index]
        network.load_state_dict(state)
        return network
