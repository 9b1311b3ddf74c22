"""Size of a network: bits per pixel, and bytes of its entropy-coded weights."""

from xinc_lightning.compression.budget import (
    FLOAT_BITS,
    Budget,
    count_parameters,
    largest_width,
    parameters_for_bpp,
)
from xinc_lightning.compression.coding import CodedError, decode, encode
from xinc_lightning.compression.network import decode_network, encode_network
from xinc_lightning.compression.quantization import (
    MAX_BITS,
    MIN_BITS,
    Quantized,
    quantize,
    quantize_weights,
)

__all__ = [
    "FLOAT_BITS",
    "MAX_BITS",
    "MIN_BITS",
    "Budget",
    "CodedError",
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
