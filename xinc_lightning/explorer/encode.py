"""Encoding of numbers and images as text for a page."""

import base64
import io
import json
import math
from typing import Any

import numpy as np
from PIL import Image

from xinc_lightning.runs.untrusted import UnreadableError
from xinc_lightning.text import UNPRINTABLE

FIGURE_WIDTH, FIGURE_QUALITY = 1200, 60
"""Widest figure in pixels and WebP's quality: lines and letters stay sharp."""

MOST_FIGURES, NARROWEST = 180, 600
"""How many figures a page may hold at full width for a run of nerv.yaml to stay below 25 MB."""

MAP_QUALITY = 45

HIGHEST = 16383
"""Pixels of a WebP's side."""

MOST_PIXELS = 40_000_000
"""Of a figure; the maps of 700 neurons take 26 million."""


def text_of(array: np.ndarray) -> str:
    """Little-endian bytes in base 64."""
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()).decode()


def words(values: np.ndarray) -> str:
    """Whole numbers as uint16, or as uint32 if they do not fit; the bits come first. -1 is the largest."""
    bits = 16 if values.size == 0 or values.max() < 0xFFFF else 32
    return f"{bits}{text_of(values.astype(f'uint{bits}'))}"


def halves(values: np.ndarray) -> str:
    """The upper 16 bits of float32, rounded: two to three digits of any size.

    >>> base64.b64decode(halves(np.array([1.0]))).hex()
    '803f'
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = np.where(np.isfinite(values), bits.astype(np.uint64) + 0x8000, bits)
    return text_of((rounded >> 16).astype(np.uint16))


def fractions(values: np.ndarray) -> str:
    """Numbers in [0, 1] as uint16."""
    return text_of((np.nan_to_num(values).clip(0, 1) * 0xFFFF).round().astype(np.uint16))


def levels(values: np.ndarray) -> str:
    """Numbers in [0, 1] as bytes."""
    return text_of((np.nan_to_num(values).clip(0, 1) * 255).round().astype(np.uint8))


def figure_width(figures: int) -> int:
    """Widest figure of a run with so many: narrower as they become more, so that they stay as large together.

    >>> figure_width(160), figure_width(720)
    (1200, 600)
    """
    return max(NARROWEST, round(FIGURE_WIDTH * math.sqrt(min(1, MOST_FIGURES / max(figures, 1)))))


def picture(
    pixels: np.ndarray | bytes,
    quality: int = FIGURE_QUALITY,
    lossless: bool = False,
    widest: int = FIGURE_WIDTH,
) -> str:
    """A picture as a WebP data URL, made narrower if it is wide.

    Args:
        pixels: [height, width] or [height, width, 3] bytes, or the content of a PNG file.
        quality: of the compression, to 100.
        lossless: every pixel as it is.
        widest: pixels across to which a file's picture is reduced; it is reduced further if it is too high for WebP.

    Raises:
        UnreadableError: if the file is no picture, or one too large.
        ValueError: if an array is too large for WebP.
    """
    if isinstance(pixels, bytes):
        image = _png(pixels)
        scale = min(widest / image.width, HIGHEST / image.height, 1)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image if scale == 1 else image.resize(size, Image.Resampling.LANCZOS)
    else:
        image = Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=quality, lossless=lossless, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def png(pixels: np.ndarray) -> str:
    """A picture [height, width, 3] of bytes as a PNG data URL, every pixel as it is, written fast rather than small."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _png(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise UnreadableError(
                    f"is a picture of {opened.width:,} × {opened.height:,} pixels, too large to show"
                )
            return opened.convert("RGB")
    except UnreadableError:
        raise
    except Exception:  # what a damaged picture raises is Pillow's business
        raise UnreadableError("is no picture that can be read") from None


def sheet(maps: np.ndarray) -> tuple[str, int]:
    """Maps [n, rows, cols] of bytes side by side in one picture, and how many there are in a row."""
    count, rows, cols = maps.shape
    across = max(1, min(math.ceil(math.sqrt(count)), 8192 // max(cols, 1)))
    down = max(1, math.ceil(count / across))
    cells = np.zeros((down * across, rows, cols), np.uint8)
    cells[:count] = maps
    whole = cells.reshape(down, across, rows, cols).transpose(0, 2, 1, 3).reshape(down * rows, across * cols)
    return picture(whole, MAP_QUALITY), across


def to_json(value: Any) -> str:
    """JSON that may stand inside a script element; what is not finite becomes null, a lone surrogate a mark."""
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return UNPRINTABLE.sub("\ufffd", text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
