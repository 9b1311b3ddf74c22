"""Size of a network: bits per pixel, and bytes of its entropy-coded weights."""

from xinc_lightning.compression.budget import (
    FLOAT_BITS,
    Budget,
    count_parameters,
    largest_width,
    parameters_for_bpp,
)
from xinc_lightning.compression.coding import (
    MAX_BITS,
    Quantized,
    decode,
    encode,
    quantize,
    quantize_weights,
)
from xinc_lightning.compression.network import decode_network, encode_network

__all__ = [
    "FLOAT_BITS",
    "MAX_BITS",
    "Budget",
    "Quantized",
    "count_parameters",
    "decode",
    "decode_network",
    "encode",
    "encode_network",
    "largest_width",
    "parameters_for_bpp",
    "quantize",
    "quantize_weights",
]
