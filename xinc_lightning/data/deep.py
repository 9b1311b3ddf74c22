"""Pictures of more than 8 bits a channel: their values, what is white in them, and 8 bits of both."""

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

FULL = 65535
"""White where a file states nothing else."""

TIFF_BITS, TIFF_MAXIMUM = 258, 281
SHORT = 64
"""Bytes of a PNG's chunk that are looked at."""

DARK = 8
"""Values that stay under this part of the range are those of fewer bits."""


class WhiteLevel:
    """Scales values of up to 16 bits to 8, and remembers whether they were far too dark.

    Args:
        white: the value that becomes 255; what the files state if None.
    """

    def __init__(self, white: int | None = None) -> None:
        self.white = white
        self._brightest = 0
        self._warned = False

    def to_8_bits(self, values: NDArray[np.uint16], stated: int = FULL) -> NDArray[np.uint8]:
        """Scale grey [height, width], RGB or RGBA [height, width, 4]; transparent pixels are laid over black.

        >>> WhiteLevel().to_8_bits(np.array([[0, 2048, 4095]], np.uint16), stated=4095)
        array([[  0, 128, 255]], dtype=uint8)

        Args:
            values: of one picture.
            stated: white, as the file says.
        """
        if values.shape[2:] == (4,):
            values = (values[..., :3].astype(np.uint64) * values[..., 3:] // FULL).astype(np.uint16)
        white = self.white or stated
        if white == FULL:
            self._brightest = max(self._brightest, int(values.max()))
        return np.minimum(values.astype(np.uint32) * 256 // (white + 1), 255).astype(np.uint8)

    def warn_if_dark(self, where: Path) -> None:
        """Say once that a clip's values use a small part of their range."""
        if 255 < self._brightest < FULL / DARK and not self._warned:
            self._warned = True
            white = 2 ** self._brightest.bit_length() - 1
            warnings.warn(
                f"the brightest of the 16-bit values in '{where}' is {self._brightest}, so its frames are nearly "
                f"black; if they hold {white.bit_length()} bits, say so: data.white: {white}",
                stacklevel=2,
            )


def decode_deep(image: Image.Image, path: Path) -> tuple[NDArray[np.uint16], int] | None:
    """Decode colours of 16 bits, which Pillow would cut to 8, and the white they state.

    Args:
        image: opened and at the frame that is asked for, but not yet loaded.
        path: of its file.

    Returns:
        [height, width, 3 or 4] values as stored, not turned, and what is white; None if there are no more than 8
        bits, or if the picture is grey, for which Pillow will do.

    Raises:
        ValueError: ffmpeg cannot read the file.
    """
    codec = _deep_codec(image)
    if codec is None:
        return None
    decoder = av.CodecContext.create(codec, "r")
    if codec == "tiff":
        decoder.options = {"page": str(image.tell() + 1)}
    try:
        frame = next(_decoded(decoder, path))
    except (av.FFmpegError, StopIteration) as error:
        words = error.strerror if isinstance(error, av.FFmpegError) else "no picture in it"
        raise ValueError(f"its 16-bit colours cannot be decoded ({words}); save it as PNG") from None
    has_alpha = len(frame.format.components) in (2, 4)
    values: Any = frame.reformat(format="rgba64le" if has_alpha else "rgb48le").to_ndarray()
    return values, stated_white(image, path, values)


def stated_white(image: Image.Image, path: Path, values: NDArray[Any]) -> int:
    """What is white in a picture of more than 8 bits: by the bits and maximum of a TIFF, the significant bits of a PNG.

    Args:
        image: as Pillow opened it.
        path: of its file.
        values: as stored.
    """
    if image.format == "TIFF":
        bits = max(_tiff_tag(image, TIFF_BITS, 16))
        largest = max(_tiff_tag(image, TIFF_MAXIMUM, FULL))
        # Some programs write there what is largest in the picture, which is not its white.
        whole = largest > 255 and largest & (largest + 1) == 0
        return int(min(2**bits - 1, largest if whole else FULL, FULL))
    if image.format == "PNG":
        bits = _significant_bits(path)
        # As the format has it, values of fewer bits are moved up to fill 16; some programs leave them low.
        if 8 < bits < 16 and values.max() < 2**bits and (values % 2 ** (16 - bits)).any():
            return (1 << bits) - 1
    return FULL


def _decoded(decoder: Any, path: Path) -> Iterator[av.VideoFrame]:
    yield from decoder.decode(av.Packet(path.read_bytes()))
    yield from decoder.decode(None)


def _deep_codec(image: Any) -> str | None:
    if image.mode not in ("RGB", "RGBA", "LA"):
        return None
    arguments = image.tile[0].args if image.tile else ()
    if image.format == "PNG" and str(arguments).endswith(";16B") and not getattr(image, "is_animated", False):
        return "png"
    if image.format == "PPM" and isinstance(arguments, tuple) and arguments[1] > 255:
        return "ppm"
    if image.format == "TIFF" and max(_tiff_tag(image, TIFF_BITS, 8)) > 8:
        return "tiff"
    return None


def _tiff_tag(image: Any, tag: int, default: int) -> tuple[int, ...]:
    value = image.tag_v2.get(tag, default)
    return value if isinstance(value, tuple) else (value,)


def _significant_bits(path: Path) -> int:
    """The largest number in a PNG's sBIT chunk, 16 if it has none."""
    return next((max(content[:3]) for kind, content in png_chunks(path) if kind == b"sBIT" and content), 16)


def png_chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk of a PNG; of those longer than ``SHORT`` the beginning."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            content = file.read(min(length, SHORT))
            yield kind, content
            file.seek(length - len(content) + 4, 1)
