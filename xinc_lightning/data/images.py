"""Image files to arrays: frames as 8-bit RGB, masks as segment ids."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xinc_lightning.data.errors import DataError, existing

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read an image as [height, width, 3] 8-bit RGB.

    Grey values are repeated in the three channels, 16-bit values scaled to 8 bits, and transparent pixels
    laid over black.

    Raises:
        DataError: the file is missing, damaged, or holds something else than 8- or 16-bit colours.
    """
    image = _open(path)
    if image.mode.startswith("I"):  # 16-bit grey; 16-bit colours are already scaled by the decoder
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise DataError(f"'{path}' holds values outside 16 bits; save it with 8 or 16 bits a channel")
        return np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == "F":
        raise DataError(f"'{path}' holds floating-point values; save it with 8 or 16 bits a channel")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.array(image.convert("RGB"))  # a copy: PIL lends its memory read-only


def read_ids(path: Path) -> NDArray[np.int64]:
    """Read a mask as [height, width] ids.

    The id is the value of a palette or grey image (8 or 16 bits), and R + 256·G + 65536·B of a colour image.

    Raises:
        DataError: the file is missing, damaged or of another kind.
    """
    image = _open(path)
    if image.mode in ("RGBA", "LA", "PA"):  # opaque masks saved with an alpha channel
        image = image.convert({"RGBA": "RGB", "LA": "L", "PA": "P"}[image.mode])
    if image.mode == "RGB":
        # 64 bits before the arithmetic: 256·G and 65536·B overflow the 8 bits they are stored in
        colours = np.asarray(image).astype(np.int64)
        return colours[..., 0] + 256 * colours[..., 1] + 65536 * colours[..., 2]
    if image.mode in ("1", "L", "P") or image.mode.startswith("I"):
        return np.asarray(image).astype(np.int64)
    raise DataError(f"'{path}' is a {image.mode} image; a mask is a palette, grey or RGB image")


def read_wide_ids(path: Path) -> NDArray[np.int64]:
    """Read a mask that must be 16-bit grey, because 8 bits cannot hold its ids.

    Raises:
        DataError: the file is missing, damaged or of another kind.
    """
    image = _open(path)
    if not image.mode.startswith("I"):
        raise DataError(
            f"mask '{path}' is an 8-bit {image.mode} image where 16-bit grey is due; its ids were cut off"
        )
    return np.asarray(image).astype(np.int64)


def distinct_ids(ids: NDArray[np.int64]) -> set[int]:
    """Every id in a mask.

    >>> sorted(distinct_ids(np.array([[7, 7], [7, 3]])))
    [3, 7]
    """
    flat = ids.ravel()
    # Along a row ids change rarely, and sorting where they do is faster than sorting all pixels.
    starts = np.concatenate([[True], flat[1:] != flat[:-1]])
    return set(np.unique(flat[starts]).tolist())


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image, read from its header alone."""
    try:
        with Image.open(existing(path)) as image:
            return image.height, image.width
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"'{path}' is not a readable image: {_first_line(error)}") from None


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(existing(path)) as image:
            image.load()
            return image
    except DataError:
        raise
    except Exception as error:  # damaged files surface as many kinds: OSError, SyntaxError, struct.error, ...
        raise DataError(f"'{path}' is not a readable image: {_first_line(error)}") from None


def _first_line(error: Any) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
