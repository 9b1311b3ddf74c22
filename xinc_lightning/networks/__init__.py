"""The networks: plain ``nn.Module``s that only need torch."""

from xinc_lightning.networks.encoding import FoldedGrid, FourierEncoding, FrameEncoding, pixel_grid
from xinc_lightning.networks.ffn import FFN, FFNStack
from xinc_lightning.networks.layers import ConvLayer, Layer, LinearLayer
from xinc_lightning.networks.nerv import NeRV
from xinc_lightning.networks.vector_math import settle_vector_math

__all__ = [
    "FFN",
    "ConvLayer",
    "FFNStack",
    "FoldedGrid",
    "FourierEncoding",
    "FrameEncoding",
    "Layer",
    "LinearLayer",
    "NeRV",
    "pixel_grid",
]

# All code that computes imports this package, so that this runs before there are several threads.
settle_vector_math()
