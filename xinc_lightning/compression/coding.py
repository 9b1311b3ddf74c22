"""Quantised weights as bytes, and back.

For each matrix a few bytes of *side information* (its step, which kernels are gone, the model of its levels), then,
for all matrices together, the words of a range coder that codes with these models.
"""

import math
import struct
from collections.abc import Iterator, Mapping

import constriction
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Size

from xinc_lightning.compression.entropy import (
    FINEST,
    HIGHEST,
    HISTOGRAM,
    LOWEST,
    STUDENT,
    Levels,
    ScaleModel,
    bin_width,
    by_exponent,
    categorical,
    fitted,
)
from xinc_lightning.compression.quantization import MAX_BITS, Quantized, matrix_shape

SOME_GONE = 0.2
"""Share of zeros from which on single weights are worth a mask; of kernels, one zero is."""

DENSITIES = 8
"""A column's mask is coded with the share that is kept, in eighths."""

SHORT_FORM = "<f"
LONG_FORM = "<HBB"


class CodedError(ValueError):
    """Bytes are not those of coded weights."""


def encode(quantized: Mapping[str, Quantized]) -> bytes:
    """Entropy-code quantised weights: all that :func:`decode` needs besides the shapes.

    Kernels of zeros, such as those that were pruned, are left out: a mask says which.
    """
    writer = _Writer()
    for tensor in quantized.values():
        for step, matrix in zip(tensor.steps.tolist(), tensor.levels.cpu().numpy(), strict=True):
            writer.matrix(step, matrix)
    return writer.bytes()


def decode(coded: bytes, shapes: Mapping[str, Size], channel_dims: int = 1) -> dict[str, Quantized]:
    """Read quantised weights back from :func:`encode`'s bytes.

    Args:
        coded: the bytes; untrusted.
        shapes: name → shape of every parameter, in the order in which they were coded.
        channel_dims: as given to :func:`~xinc_lightning.compression.quantize_weights`.

    Raises:
        CodedError: if the bytes are not those of such weights.
    """
    reader = _Reader(coded)
    quantized = {}
    for name, shape in shapes.items():
        matrices, *size = matrix_shape(shape, channel_dims)
        levels = np.empty((matrices, *size), np.int32)
        steps = np.empty(matrices, np.float32)
        for i in range(matrices):
            steps[i] = reader.matrix(levels[i])
        quantized[name] = Quantized(torch.from_numpy(levels), torch.from_numpy(steps), shape)
    reader.end()
    return quantized


class _Writer:
    def __init__(self) -> None:
        self._side = bytearray()
        self._coder = constriction.stream.queue.RangeEncoder()

    def bytes(self) -> bytes:
        """Length of the side information, itself, and the coder's words."""
        words: bytes = self._coder.get_compressed().astype("<u4").tobytes()
        return struct.pack("<I", len(self._side)) + bytes(self._side) + words

    def matrix(self, step: float, levels: Levels) -> None:
        """Code the levels [rows, columns, footprint] of one matrix."""
        self._side += struct.pack(SHORT_FORM, step)
        if step == 0:
            return
        largest = int(np.abs(levels).max())
        everything = np.ones(levels.shape[:2], bool)
        kept = np.asarray(levels.any(2))
        model, bits = fitted(levels, everything, largest)
        masked = False
        if (~kept).any() and (levels.shape[2] > 1 or (~kept).mean() > SOME_GONE):
            smaller, fewer = fitted(levels, kept, largest)
            masked = fewer + _mask_bits(kept) < bits
            model = smaller if masked else model
        self._side += struct.pack(LONG_FORM, largest, model.family | masked << 7, model.base)
        if masked:
            self._mask(kept)
        else:
            kept = everything
        if model.histogram is not None:
            self._side += model.histogram.tobytes()
        for indices in (model.rows, model.columns):
            self._indices(indices)
        for exponent, symbols in by_exponent(levels, kept, model.exponents(kept.shape)):
            self._code(symbols + largest, model.law(exponent, largest))

    def _mask(self, kept: NDArray[np.bool_]) -> None:
        rows = np.asarray(kept.any(1))
        self._indices(np.asarray(rows, np.int8))
        densities = _densities(kept[rows])
        self._indices(densities)
        for density, law in _mask_laws(densities):
            self._code(kept[rows][:, densities == density], law)

    def _indices(self, indices: NDArray[np.int8]) -> None:
        """Small integers with their histogram; the smallest, and the number of values from there on."""
        lowest = int(indices.min())
        histogram = np.bincount(indices.astype(np.int64) - lowest)
        shares = np.ceil(255 * histogram / histogram.max()).astype(np.uint8)
        single = len(indices) == 1
        self._side += struct.pack("<bB", lowest, 0 if single else len(shares))
        if not single:
            self._side += shares.tobytes()
            self._code(indices.astype(np.int32) - lowest, shares)

    def _code(self, symbols: NDArray[np.generic], law: NDArray[np.generic]) -> None:
        if symbols.size and len(law) > 1:
            self._coder.encode(np.ascontiguousarray(symbols.reshape(-1), np.int32), categorical(law))


class _Reader:
    def __init__(self, coded: bytes) -> None:
        if len(coded) < 4:
            raise CodedError("the weights are missing")
        (length,) = struct.unpack_from("<I", coded)
        self._side, words = coded[4 : 4 + length], coded[4 + length :]
        if len(self._side) != length or len(words) % 4:
            raise CodedError("the weights are cut short")
        self._at = 0
        self._decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(words, "<u4").astype(np.uint32))

    def end(self) -> None:
        """Check that everything was used."""
        if self._at != len(self._side) or not self._decoder.maybe_exhausted():
            raise CodedError("there are more weights than the network has")

    def matrix(self, levels: Levels) -> float:
        """Fill in the levels [rows, columns, footprint] of one matrix; returns its step."""
        step: float
        (step,) = self._unpack(SHORT_FORM)
        if not (math.isfinite(step) and step >= 0):
            raise CodedError("a step is no size")
        levels[...] = 0
        if step == 0:
            return step
        largest, family, base = self._unpack(LONG_FORM)
        masked, family = family >> 7, family & 127
        known = (0, *STUDENT, HISTOGRAM)
        if not 1 <= largest < 2 ** (MAX_BITS - 1) or family not in known or not FINEST <= base < 2 * FINEST:
            raise CodedError("a model of levels is unknown")
        shape = levels.shape[:2]
        kept = self._mask(shape) if masked else np.ones(shape, bool)
        histogram = self._shares(-(-(2 * largest + 1) // bin_width(largest))) if family == HISTOGRAM else None
        model = ScaleModel(family, base, self._indices(shape[0]), self._indices(shape[1]), histogram)
        exponents = model.exponents(shape)
        for exponent in np.unique(exponents[kept]):
            where = kept & (exponents == exponent)
            law = model.law(int(exponent), largest)
            count = int(where.sum()) * levels.shape[2]
            levels[where] = self._take(count, law).reshape(-1, levels.shape[2]) - largest
        return step

    def _mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        rows = self._indices(shape[0], full=True) == 1
        densities = self._indices(shape[1], full=True)
        if not set(np.unique(densities)) <= set(range(DENSITIES + 1)):
            raise CodedError("a mask has an unknown density")
        kept = np.zeros(shape, bool)
        for density, law in _mask_laws(densities):
            columns = np.flatnonzero(densities == density)
            taken = self._take(int(rows.sum()) * len(columns), law)
            kept[np.ix_(rows, columns)] = taken.reshape(-1, len(columns)) == 1
        return kept

    def _indices(self, length: int, full: bool = False) -> NDArray[np.int8]:
        """The small integers of ``length`` rows or columns, or a single one for all of them."""
        lowest, values = self._unpack("<bB")
        if values == 0:
            return np.full(length if full else 1, lowest, np.int8)
        shares = self._shares(values)
        if not LOWEST - HIGHEST <= lowest <= lowest + values <= 2 * HIGHEST:
            raise CodedError("a model of scales is unknown")
        return (self._take(length, shares) + lowest).astype(np.int8)

    def _shares(self, values: int) -> NDArray[np.uint8]:
        shares = np.array(self._unpack(f"<{values}B"), np.uint8)
        if not shares.any():
            raise CodedError("a histogram is empty")
        return shares

    def _take(self, count: int, law: NDArray[np.generic]) -> NDArray[np.int32]:
        if not count or len(law) == 1:
            return np.zeros(count, np.int32)
        try:
            taken: NDArray[np.int32] = self._decoder.decode(categorical(law), count)
        except AssertionError:
            raise CodedError("the weights do not fit their models") from None
        return taken

    def _unpack(self, form: str) -> tuple[int, ...]:
        try:
            values = struct.unpack_from(form, self._side, self._at)
        except struct.error:
            raise CodedError("the weights are cut short") from None
        self._at += struct.calcsize(form)
        return values


def _densities(kept: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Share of each column that is kept, in eighths, rounded up: 0 is none."""
    return (
        np.ceil(DENSITIES * kept.mean(0)).astype(np.int8) if len(kept) else np.zeros(kept.shape[1], np.int8)
    )


def _mask_laws(densities: NDArray[np.int8]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Each density above 0, and the probabilities of being gone and kept."""
    for density in np.unique(densities[densities > 0]):
        share = (density - 0.5) / DENSITIES
        yield int(density), np.array([1 - share, share])


def _mask_bits(kept: NDArray[np.bool_]) -> float:
    """About the size of a mask."""
    rows = np.asarray(kept.any(1))
    densities = _densities(kept[rows])
    laws = {density: np.log2(law) for density, law in _mask_laws(densities)}
    symbols = sum(
        float(-(law[1] * part.sum() + law[0] * (~part).sum()))
        for density, law in laws.items()
        for part in [kept[rows][:, densities == density]]
    )
    return symbols + len(rows) + 4 * len(densities)
