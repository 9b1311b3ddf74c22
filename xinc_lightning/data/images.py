"""Picture files to frames: upright 8-bit RGB, every frame of a file that has several."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from warnings import catch_warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from xinc_lightning.data.deep import FULL, WhiteLevel, decode_deep, png_chunks, stated_white
from xinc_lightning.data.errors import DataError, existing
from xinc_lightning.data.orientation import UPRIGHT, Orientation

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF", "WEBP")
"""What Pillow may open; it knows more, such as the first picture of an MPEG film."""

IMAGE_SUFFIXES = frozenset(
    {".apng", ".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpeg", ".jpg", ".png", ".qoi", ".sgi", ".tga"}
    | {".pbm", ".pgm", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Which files of a folder are pictures."""

LARGEST = 2 * 89_478_485
"""Pixels beyond which Pillow suspects a small file that was made to fill the memory."""

EXIF_ORIENTATION = 0x0112
PNG_EXIF = {"exif", "Raw profile type exif"}
TIFF_SUBFILE, REDUCED, IS_MASK = 254, 1, 4
"""The tag that tells a page of a TIFF from its thumbnail and its transparency mask."""


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are read.

    Attributes:
        white: value that is white in pictures of more than 8 bits; by the depth that the file states if None.
        max_pixels: the largest picture to open; None for any.
    """

    white: int | None = None
    max_pixels: int | None = LARGEST


AS_STATED = PictureOptions()
"""White where the files say, and nothing that is suspiciously large."""


class Picture:
    """A picture file, open.

    Args:
        path: of the file.
        options: how to read it.

    Attributes:
        frames: number, within the file, of each frame: one, or those of an animation or a stack of pages.

    Raises:
        DataError: the file is missing, damaged, too large or no picture; of damage further in, when it is read.
    """

    def __init__(self, path: Path, options: PictureOptions = AS_STATED) -> None:
        self.path = path
        with _readable(path), ExitStack() as files:
            # Open already: of a name Pillow maps the file, and mixes up the sides of a turned TIFF.
            file = files.enter_context(existing(path).open("rb"))
            self._image = Image.open(file, formats=FORMATS)
            self.frames = _frames(self._image)
            self._image.seek(self.frames[0])
            width, height = self._image.size
            if options.max_pixels is not None and width * height > options.max_pixels:
                raise DataError(
                    f"'{path}' has {height}×{width} = {width * height} pixels, more than {options.max_pixels}; "
                    f"if you trust it, allow them: data.max_pixels: {width * height}"
                )
            self._files = files.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def size(self, position: int = 0) -> tuple[int, int]:
        """Height and width of one of ``frames`` as it is shown, from its header alone."""
        with _readable(self.path):
            self._image.seek(self.frames[position])
        return self._orientation().size(self._image.height, self._image.width)

    @property
    def frames_a_second(self) -> float | None:
        """Of an animation, by how long it shows its first frame."""
        duration = self._image.info.get("duration")
        return 1000 / duration if isinstance(duration, int | float) and duration > 0 else None

    def only_frame(self) -> "Picture":
        """The picture itself, if it has one frame.

        Raises:
            DataError: it has several, where one is due.
        """
        if len(self.frames) > 1:
            raise DataError(
                f"'{self.path}' has {len(self.frames)} frames where one is due; a file of several is a clip by "
                "itself: give its path, not its folder's"
            )
        return self

    def load(self, position: int = 0) -> tuple[Image.Image, Orientation]:
        """Decode one of ``frames``: Pillow's picture, and how it must be turned."""
        with _readable(self.path):
            self._image.seek(self.frames[position])
            self._image.load()
            return self._image, self._orientation()

    def rgb(self, level: WhiteLevel, position: int = 0) -> NDArray[np.uint8]:
        """Decode one of ``frames`` as [height, width, 3] 8-bit RGB, transparent pixels over black.

        Args:
            level: scales values of more than 8 bits.
            position: of the frame in ``frames``.
        """
        with _readable(self.path):
            self._image.seek(self.frames[position])
            deep = decode_deep(self._image, self.path)
        if deep is not None:
            return self._stored_orientation().turn(level.to_8_bits(*deep))
        image, orientation = self.load(position)
        if image.mode.startswith("I"):
            values = np.asarray(image).astype(np.int64)
            if values.min() < 0 or values.max() > FULL:
                raise DataError(
                    f"'{self.path}' holds values outside 16 bits; save it with 8 or 16 bits a channel"
                )
            grey = level.to_8_bits(values.astype(np.uint16), stated_white(image, self.path, values))
            return orientation.turn(np.repeat(grey[..., None], 3, axis=2))
        if image.mode == "F":
            raise DataError(f"'{self.path}' holds floating-point values; save it with 8 or 16 bits a channel")
        if image.has_transparency_data:
            return orientation.turn(over_black(np.asarray(image.convert("RGBA"))))
        return orientation.turn(np.array(image.convert("RGB")))  # a copy: PIL lends its memory read-only

    def _orientation(self) -> Orientation:
        """How Pillow's pixels must be turned: those of a TIFF are upright already."""
        return UPRIGHT if self._image.format == "TIFF" else self._stored_orientation()

    def _stored_orientation(self) -> Orientation:
        if self._image.format == "PNG" and not (
            self._image.info.keys() & PNG_EXIF or any(kind == b"eXIf" for kind, _ in png_chunks(self.path))
        ):
            return UPRIGHT  # Pillow would decode the whole picture to see whether EXIF follows it
        try:
            with catch_warnings(action="ignore"):
                return Orientation.from_exif(self._image.getexif().get(EXIF_ORIENTATION))
        except Exception:  # a picture whose camera notes are damaged is a picture nevertheless
            return UPRIGHT


def read_rgb(
    path: Path, options: PictureOptions = AS_STATED, level: WhiteLevel | None = None
) -> NDArray[np.uint8]:
    """Read a picture of one frame as upright [height, width, 3] 8-bit RGB.

    Grey values are repeated in the three channels, 16-bit values scaled to 8 bits, and transparent pixels
    laid over black.

    Args:
        path: of the file.
        options: how to read it.
        level: scales values of more than 8 bits, and remembers them for the other pictures of a clip.

    Raises:
        DataError: the file is missing, damaged, or holds something else than 8- or 16-bit colours.
    """
    with Picture(path, options) as picture:
        return picture.only_frame().rgb(level or WhiteLevel(options.white))


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture as it is shown, read from its header alone."""
    with Picture(path, PictureOptions(max_pixels=None)) as picture:
        return picture.size()


def is_picture(path: Path) -> bool:
    """Whether the file's first bytes are those of a picture, whatever its name."""
    try:
        with Picture(path, PictureOptions(max_pixels=None)):
            return True
    except DataError:
        return False


def over_black(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay RGBA pixels over black: of pictures, animations and video alike.

    >>> over_black(np.array([[[200, 100, 50, 255], [200, 100, 50, 51], [200, 100, 50, 0]]], np.uint8))[0].tolist()
    [[200, 100, 50], [40, 20, 10], [0, 0, 0]]
    """
    colours, alpha = pixels[..., :3].astype(np.uint16), pixels[..., 3:]
    return ((colours * alpha + 127) // 255).astype(np.uint8)


def _frames(image: Image.Image) -> list[int]:
    count: int = getattr(image, "n_frames", 1)
    if count == 1 or image.format == "MPO":  # its second picture is a preview, a depth or a brightness map
        return [0]
    if image.format == "TIFF":
        pages = []
        for page in range(count):
            image.seek(page)
            tags: Any = image
            if not tags.tag_v2.get(TIFF_SUBFILE, 0) & (REDUCED | IS_MASK):
                pages.append(page)
        return pages or [0]
    # An animated PNG may begin with a picture for those who cannot play it.
    return list(range(1 if image.info.get("default_image") else 0, count))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Make what Pillow says of a file our error, and its size our business."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with catch_warnings(action="ignore"):  # what is wrong with a picture is said by our own error
            yield
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(
            f"'{path}' is not a readable image: it is empty, damaged or of a kind unknown here"
        ) from None
    except Exception as error:  # damaged files surface as many kinds: OSError, SyntaxError, struct.error, ...
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"'{path}' is not a readable image: {first}") from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit
