"""Mask files to segment ids."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xinc_lightning.data.errors import DataError
from xinc_lightning.data.images import Picture, PictureOptions

ANY_SIZE = PictureOptions(max_pixels=None)
"""A mask is compared with its frame before it is decoded, and that has a limit."""


@dataclass(frozen=True)
class Page:
    """One of several masks in a file.

    Attributes:
        path: of the file.
        number: which of them, from 0.
    """

    path: Path
    number: int

    def __str__(self) -> str:
        """As an error names it."""
        return f"{self.path}, page {self.number}"


MaskFile = Path | Page
"""Where a mask is: a file of its own, or a page of one."""


def read_ids(source: MaskFile) -> NDArray[np.int64]:
    """Read a mask as [height, width] ids.

    The id is the value of a palette or grey image (8 or 16 bits), and R + 256·G + 65536·B of a colour image.

    Raises:
        DataError: the file is missing, damaged, lossy or of another kind.
    """
    ids, _ = read_ids_and_mode(source)
    return ids


def read_ids_and_mode(source: MaskFile) -> tuple[NDArray[np.int64], str]:
    """Read a mask as ``read_ids`` does, with Pillow's word for its kind: ``P`` has a palette."""
    with _opened(source) as (picture, frame):
        image, orientation = picture.load(frame)
        _refuse_lossy(image, picture.path)
        if image.mode in ("RGBA", "LA", "PA"):  # opaque masks saved with an alpha channel
            image = image.convert({"RGBA": "RGB", "LA": "L", "PA": "P"}[image.mode])
        if image.mode == "RGB":
            # 64 bits before the arithmetic: 256·G and 65536·B overflow the 8 bits they are stored in
            colours = np.asarray(image).astype(np.int64)
            ids = colours[..., 0] + 256 * colours[..., 1] + 65536 * colours[..., 2]
        elif image.mode in ("1", "L", "P") or image.mode.startswith("I"):
            ids = np.asarray(image).astype(np.int64)
        else:
            raise DataError(f"'{source}' is a {image.mode} image; a mask is a palette, grey or RGB image")
        return orientation.turn(ids), image.mode


def read_wide_ids(source: MaskFile) -> NDArray[np.int64]:
    """Read a mask that must be 16-bit grey, because 8 bits cannot hold its ids.

    Raises:
        DataError: the file is missing, damaged or of another kind.
    """
    ids, mode = read_ids_and_mode(source)
    if not mode.startswith("I"):
        raise DataError(
            f"mask '{source}' is an 8-bit {mode} image where 16-bit grey is due; its ids were cut off"
        )
    return ids


def mask_size(source: MaskFile) -> tuple[int, int]:
    """Height and width of a mask, read from its header alone."""
    with _opened(source) as (picture, frame):
        return picture.size(frame)


def distinct_ids(ids: NDArray[np.int64]) -> set[int]:
    """Every id in a mask.

    >>> sorted(distinct_ids(np.array([[7, 7], [7, 3]])))
    [3, 7]
    """
    flat = ids.ravel()
    # Along a row ids change rarely, and sorting where they do is faster than sorting all pixels.
    starts = np.concatenate([[True], flat[1:] != flat[:-1]])
    return set(np.unique(flat[starts]).tolist())


@contextmanager
def _opened(source: MaskFile) -> Iterator[tuple[Picture, int]]:
    """The file, and which of its frames."""
    if isinstance(source, Page):
        with Picture(source.path, ANY_SIZE) as picture:
            yield picture, source.number
    else:
        with Picture(source, ANY_SIZE) as picture:
            yield picture.only_frame(), 0


def _refuse_lossy(image: Image.Image, path: Path) -> None:
    """Refuse formats that change values: near every edge they make segments that nobody drew."""
    kind = image.format
    compression = str(image.info.get("compression", ""))
    lossy = kind in ("AVIF", "JPEG", "JPEG2000", "MPO")
    lossy |= kind == "TIFF" and compression in ("jpeg", "tiff_jpeg", "webp", "jpeg2000")
    lossy |= kind == "WEBP" and _is_lossy_webp(path)
    if lossy:
        name = f"a TIFF with {compression} inside" if kind == "TIFF" else f"{kind}, lossy"
        raise DataError(
            f"mask '{path}' is {name}: its values are changed near edges, so its ids are not those that were "
            "drawn; save masks as PNG, from their source"
        )


def _is_lossy_webp(path: Path) -> bool:
    content = path.read_bytes()
    at = 12
    while at + 8 <= len(content):
        kind, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if kind == b"ANMF":  # a frame of an animation: its own chunks follow 16 bytes of where and when
            kind = content[at + 24 : at + 28]
        if kind in (b"VP8 ", b"ALPH"):
            return True
        at += 8 + length + length % 2
    return False
