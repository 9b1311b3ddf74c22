"""A module's weights layer by layer, as kernels from input channels to output channels."""

from dataclasses import dataclass

from torch import Tensor

from xinc_lightning.compression.quantization import matrix_shape
from xinc_lightning.networks import ConvLayer


@dataclass(frozen=True)
class LayerWeights:
    """The parameters of one layer.

    Args:
        name: of the layer, as on the canvas.
        weight: the parameter, [outputs, inputs, *kernel], or with a leading axis of networks.
        bias: the parameter, [outputs], or with a leading axis of networks.
        prunable: whether its kernels may be pruned; those of a stem, which belong to no canvas, only go with the
            channels that they feed.
        networks: whether there is an axis of networks.
    """

    name: str
    weight: Tensor
    bias: Tensor
    prunable: bool = True
    networks: bool = False

    @property
    def kernels(self) -> Tensor:
        """The weight as [networks, outputs, inputs, footprint], a view."""
        return self.weight.detach().view(matrix_shape(self.weight.shape, 1 + self.networks))

    @property
    def biases(self) -> Tensor:
        """The bias as [networks, outputs], a view."""
        return self.bias.detach().view(self.kernels.shape[:2])


def convolution(layer: ConvLayer) -> LayerWeights:
    """Those of a layer of the canvas."""
    assert layer.conv.bias is not None
    return LayerWeights(layer.name, layer.conv.weight, layer.conv.bias)
