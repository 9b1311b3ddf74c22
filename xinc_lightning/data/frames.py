"""The interface of a clip's frames, and the selection of frames."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xinc_lightning.data.errors import DataError


class Frames(Protocol):
    """The frames of one clip at their source resolution, decoded one at a time and not cached."""

    @property
    def names(self) -> Sequence[str]:
        """One name per frame, by which masks and flow files are matched."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame."""

    @property
    def fps(self) -> float | None:
        """Frames a second, where the source says so."""

    def read(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decode the frames of these increasing indices, each [height, width, 3] RGB."""

    def describe(self, index: int) -> str:
        """Name one frame in an error message."""

    def flow_stem(self, index: int) -> Path:
        """Path, but for its suffix, of a file with the motion from this frame to the next."""


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
