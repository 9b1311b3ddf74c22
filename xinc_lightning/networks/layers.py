"""How a network declares the layers whose canvas can be traced.

A network lists its layers, input side first, in a method ``canvas_layers()``. There are no other requirements:
the canvas engine records the input of each layer while the network runs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

Activation = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LinearLayer:
    """A linear layer that is applied to every pixel separately (§3.1).

    Args:
        name: of the layer in results and figures.
        linear: the module; its input is [height, width, in_features].
        activation: the activation after it, ``None`` for the identity.
        picture: for the last layer, see :class:`ConvLayer`.
    """

    name: str
    linear: nn.Linear
    activation: Activation | None = None
    picture: Activation | None = None


@dataclass(frozen=True)
class ConvLayer:
    """A convolution, then PixelShuffle(``shuffle``), then the activation (§3.2).

    Args:
        name: of the layer in results and figures.
        conv: the module; stride, dilation and groups 1, zero padding, output as large as its input.
        shuffle: upsampling factor of the PixelShuffle that follows, 1 for none.
        activation: the activation after that, ``None`` for the identity. For a head whose activation also shifts its
            output (NeRV's (tanh + 1) / 2) this is the unshifted part: the shift belongs to no neuron.
        picture: for such a head, all of what makes the picture of its output, of which effects are taken; ``None`` if
            that is ``activation``.

    Raises:
        ValueError: if the convolution does not meet these requirements.
    """

    name: str
    conv: nn.Conv2d
    shuffle: int = 1
    activation: Activation | None = None
    picture: Activation | None = None

    def __post_init__(self) -> None:
        """Reject convolutions whose canvas is not defined."""
        conv = self.conv
        same = tuple(k // 2 for k in conv.kernel_size) if all(k % 2 for k in conv.kernel_size) else None
        needed = {
            "stride 1": set(conv.stride) == {1},
            "dilation 1": set(conv.dilation) == {1},
            "groups 1": conv.groups == 1,
            "zero padding": conv.padding_mode == "zeros",
            "an output as large as its input": conv.padding == "same" or tuple(conv.padding) == same,
            "shuffle ≥ 1 that divides its output channels": self.shuffle >= 1
            and conv.out_channels % self.shuffle**2 == 0,
        }
        missing = [need for need, met in needed.items() if not met]
        if missing:
            raise ValueError(f"layer {self.name!r}: a canvas needs {', '.join(missing)}; given {conv}.")


Layer = LinearLayer | ConvLayer
