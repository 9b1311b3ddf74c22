"""Frames that are pictures: files of a folder, or the frames of one file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from natsort import natsort_keygen, ns
from numpy.typing import NDArray

from xinc_lightning.data.deep import WhiteLevel
from xinc_lightning.data.errors import DataError, names_in
from xinc_lightning.data.images import (
    AS_STATED,
    IMAGE_SUFFIXES,
    Picture,
    PictureOptions,
    image_size,
    read_rgb,
)

_natural_key = natsort_keygen(key=lambda path: path.stem, alg=ns.IGNORECASE)

UNREADABLE = frozenset({".heic", ".heif", ".jxl"})
"""Pictures that Pillow does not read; to pass them over would lose frames."""


@dataclass(frozen=True)
class ImageFiles:
    """Frames that are picture files, in order.

    Attributes:
        paths: of the files, one frame each.
        options: how to read them.
    """

    paths: tuple[Path, ...]
    options: PictureOptions = AS_STATED

    @classmethod
    def in_folder(cls, folder: Path, options: PictureOptions = AS_STATED) -> "ImageFiles":
        """All images of a folder, ordered as people count (2 before 10), whatever their case and suffix.

        Raises:
            DataError: the folder holds no image, two images of the same name, or one that cannot be read.
        """
        paths = [folder / name for name in names_in(folder) if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        paths = in_natural_order([path for path in paths if not path.name.startswith(".")])
        by_stem: dict[str, Path] = {}
        for path in paths:
            if path.stem in by_stem:
                raise DataError(f"'{by_stem[path.stem]}' and '{path.name}' are two images of the same frame")
            by_stem[path.stem] = path
        for name in names_in(folder):
            if Path(name).suffix.lower() in UNREADABLE and Path(name).stem not in by_stem:
                raise DataError(
                    f"'{folder / name}' is a picture that cannot be read here; save it as PNG or JPEG"
                )
        if not paths:
            raise DataError(_no_image(folder))
        return cls(tuple(paths), options)

    @property
    def names(self) -> list[str]:
        """File names without suffix."""
        return [path.stem for path in self.paths]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame."""
        return image_size(self.paths[0])

    @property
    def fps(self) -> None:
        """Pictures tell of no time."""
        return None

    @cached_property
    def _level(self) -> WhiteLevel:
        return WhiteLevel(self.options.white)

    def read(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decode these frames."""
        for index in indices:
            yield read_rgb(self.paths[index], self.options, self._level)
        self._level.warn_if_dark(self.paths[0].parent)

    def describe(self, index: int) -> str:
        """Path of the file."""
        return f"'{self.paths[index]}'"

    def flow_stem(self, index: int) -> Path:
        """Beside the image, with its name."""
        return self.paths[index].with_suffix("")


@dataclass(frozen=True)
class ImageStack:
    """Frames of one picture file: an animation or a stack of pages; their names are their numbers.

    Attributes:
        path: of the file.
        options: how to read it.
    """

    path: Path
    options: PictureOptions = AS_STATED

    @cached_property
    def names(self) -> list[str]:
        """``00000``, ``00001``, ..."""
        with Picture(self.path, self.options) as picture:
            return [f"{number:05d}" for number in range(len(picture.frames))]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame."""
        return image_size(self.path)

    @cached_property
    def fps(self) -> float | None:
        """Frames a second of an animation."""
        with Picture(self.path, self.options) as picture:
            return picture.frames_a_second

    @cached_property
    def _level(self) -> WhiteLevel:
        return WhiteLevel(self.options.white)

    def read(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decode these frames."""
        with Picture(self.path, self.options) as picture:
            for index in indices:
                yield picture.rgb(self._level, index)
        self._level.warn_if_dark(self.path)

    def describe(self, index: int) -> str:
        """Frame number and path."""
        return f"frame {index} of '{self.path}'"

    def flow_stem(self, index: int) -> Path:
        """In the folder ``<file>_flow`` beside the file."""
        return self.path.with_name(f"{self.path.stem}_flow") / self.names[index]


def has_several_frames(path: Path) -> bool:
    """Whether a picture file is an animation or a stack."""
    with Picture(path, PictureOptions(max_pixels=None)) as picture:
        return len(picture.frames) > 1


def in_natural_order(paths: Sequence[Path]) -> list[Path]:
    """Sort files by name as people count.

    >>> [path.name for path in in_natural_order([Path(f"{n}.png") for n in ("a10", "a", "A2", "a (1)")])]
    ['a.png', 'a (1).png', 'A2.png', 'a10.png']
    """
    return sorted(sorted(paths), key=_natural_key)


def _no_image(folder: Path) -> str:
    inner = [
        name
        for name in names_in(folder)
        if (folder / name).is_dir()
        and any(Path(n).suffix.lower() in IMAGE_SUFFIXES for n in names_in(folder / name))
    ]
    if inner:
        more = f" and {len(inner) - 1} more of its folders do" if len(inner) > 1 else " does"
        return f"'{folder}' holds no image itself, but '{folder / inner[0]}'{more}; give one of these"
    kinds = " ".join(sorted(IMAGE_SUFFIXES))
    return f"'{folder}' holds no image ({kinds}), so there is no frame to read"
