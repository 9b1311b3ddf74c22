"""Where frames come from: image files or a video file, decoded one at a time and never kept."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong with a video is said by our own error

import cv2
import numpy as np
from numpy.typing import NDArray

from xinc_lightning.data.errors import DataError, existing, names_in
from xinc_lightning.data.images import IMAGE_SUFFIXES, image_size, read_rgb

CV2_LOGGING: Any = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
"""Where OpenCV's log level is set: OpenCV 5 has moved it."""


class Frames(Protocol):
    """The frames of one clip at their source resolution."""

    @property
    def names(self) -> Sequence[str]:
        """One name a frame, by which masks and flow files are matched."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame."""

    def read(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decode the frames of these increasing indices, each [height, width, 3] RGB."""

    def describe(self, index: int) -> str:
        """Name one frame in an error message."""

    def flow_stem(self, index: int) -> Path:
        """Path, but for its suffix, of a file with the motion from this frame to the next."""


@dataclass(frozen=True)
class ImageFiles:
    """Frames that are image files, in order."""

    paths: tuple[Path, ...]

    @classmethod
    def in_folder(cls, folder: Path) -> "ImageFiles":
        """All images of a folder, ordered as people count (2 before 10).

        Raises:
            DataError: the folder holds no image, or two images of the same name.
        """
        paths = [folder / name for name in names_in(folder) if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        paths = sorted((path for path in paths if not path.name.startswith(".")), key=natural_order)
        if not paths:
            kinds = " ".join(sorted(IMAGE_SUFFIXES))
            raise DataError(f"'{folder}' holds no image ({kinds}), so there is no frame to read")
        by_stem: dict[str, Path] = {}
        for path in paths:
            if path.stem in by_stem:
                raise DataError(f"'{by_stem[path.stem]}' and '{path.name}' are two images of the same frame")
            by_stem[path.stem] = path
        return cls(tuple(paths))

    @property
    def names(self) -> list[str]:
        """File names without suffix."""
        return [path.stem for path in self.paths]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame."""
        return image_size(self.paths[0])

    def read(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decode these frames."""
        return (read_rgb(self.paths[index]) for index in indices)

    def describe(self, index: int) -> str:
        """Path of the file."""
        return f"'{self.paths[index]}'"

    def flow_stem(self, index: int) -> Path:
        """Beside the image, with its name."""
        return self.paths[index].with_suffix("")


@dataclass(frozen=True)
class VideoFile:
    """Frames of a video file; their names are their numbers with five digits."""

    path: Path

    @cached_property
    def _shape(self) -> tuple[int, int, int]:
        capture = self._capture()
        try:
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            decoded, first = capture.read()
            if not decoded:
                raise DataError(
                    f"'{self.path}' is not a readable video: it holds no frame that can be decoded"
                )
            if count < 1:  # some containers do not say
                count = 1
                while capture.grab():
                    count += 1
        finally:
            capture.release()
        return count, first.shape[0], first.shape[1]

    @property
    def names(self) -> list[str]:
        """``00000``, ``00001``, ..."""
        return [f"{index:05d}" for index in range(self._shape[0])]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        return self._shape[1:]

    def read(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decode these frames in one pass from the beginning: seeking is inexact in many containers."""
        capture = self._capture()
        try:
            position = 0
            for index in indices:
                while position < index and capture.grab():
                    position += 1
                decoded, frame = capture.read()
                if not decoded:
                    raise DataError(
                        f"frame {index} of '{self.path}' cannot be decoded, though the file announces "
                        f"{self._shape[0]} frames; choose from the first {position}"
                    )
                position += 1
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()

    def describe(self, index: int) -> str:
        """Frame number and path."""
        return f"frame {index} of '{self.path}'"

    def flow_stem(self, index: int) -> Path:
        """In the folder ``<video>_flow`` beside the video."""
        return self.path.with_name(f"{self.path.stem}_flow") / self.names[index]

    def _capture(self) -> Any:
        existing(self.path)
        if self.path.stat().st_size == 0:
            raise DataError(f"'{self.path}' is an empty file")
        level = CV2_LOGGING.getLogLevel()
        CV2_LOGGING.setLogLevel(0)
        try:
            capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        finally:
            CV2_LOGGING.setLogLevel(level)
        if not capture.isOpened():
            raise DataError(f"'{self.path}' is not a readable video or image")
        return capture


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Sort key that counts as people do: ``frame_2`` before ``frame_10``."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]


def select_frames(frames: "str | list[int]", total: int, what: str = "the clip") -> list[int]:
    """Indices of the chosen frames, increasing.

    >>> select_frames("::2", 5), select_frames([0, 4], 5), select_frames("all", 2)
    ([0, 2, 4], [0, 4], [0, 1])

    Args:
        frames: ``all``, a slice such as ``0:30``, ``::2`` or ``-10:``, one number, or a list of numbers.
        total: frames there are.
        what: how to name the clip in an error.

    Raises:
        DataError: it is none of these, or asks for a frame that does not exist.
    """
    has = f"{what} has {total} frame{'s' if total != 1 else ''}, numbered from 0 to {total - 1}"
    if isinstance(frames, str):
        text = frames.strip()
        if text == "all":
            return list(range(total))
        if re.fullmatch(r"\d+", text):
            frames = [int(text)]
        elif match := re.fullmatch(r"(-?\d+)?:(-?\d+)?(?::(\d+)?)?", text):
            start, stop, step = (int(part) if part else None for part in match.groups())
            if step == 0:
                raise DataError(f"frames '{frames}' has step 0; a step is 1 or more")
            if any(bound is not None and not -total <= bound <= total for bound in (start, stop)):
                raise DataError(f"frames '{frames}' is out of range: {has}; 'all' takes every frame")
            chosen = list(range(total))[start:stop:step]
            if not chosen:
                raise DataError(f"frames '{frames}' selects nothing: {has}")
            return chosen
        else:
            raise DataError(
                f"frames '{frames}' is neither 'all', a slice like '0:30' or '::2', nor a list of numbers"
            )
    chosen = list(frames)
    if not chosen:
        raise DataError(f"frames is an empty list: {has}")
    for index in chosen:
        if not 0 <= index < total:
            raise DataError(f"frame {index} is out of range: {has}")
    if sorted(set(chosen)) != chosen:
        raise DataError(f"frames {chosen} must be increasing, each frame once: {sorted(set(chosen))}")
    return chosen
