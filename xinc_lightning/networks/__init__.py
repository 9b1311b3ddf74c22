"""The networks: plain ``nn.Module``s that only need torch."""

from xinc_lightning.networks.coordinates import CoordinateNetwork, NetworkStack
from xinc_lightning.networks.encoding import (
    FoldedGrid,
    FourierEncoding,
    FrameEncoding,
    Grid,
    NoEncoding,
    pixel_grid,
)
from xinc_lightning.networks.ffn import FFN
from xinc_lightning.networks.hnerv import HNeRV
from xinc_lightning.networks.layers import ConvLayer, Layer, LinearLayer
from xinc_lightning.networks.nerv import NeRV
from xinc_lightning.networks.siren import SIREN
from xinc_lightning.networks.vector_math import settle_vector_math

__all__ = [
    "FFN",
    "SIREN",
    "ConvLayer",
    "CoordinateNetwork",
    "FoldedGrid",
    "FourierEncoding",
    "FrameEncoding",
    "Grid",
    "HNeRV",
    "Layer",
    "LinearLayer",
    "NeRV",
    "NetworkStack",
    "NoEncoding",
    "pixel_grid",
]

# All code that computes imports this package, so that this runs before there are several threads.
settle_vector_math()
