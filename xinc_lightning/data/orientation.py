"""Pictures and frames turned upright, as their files say they are to be shown."""

import struct
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """How stored pixels are turned: rows and columns swapped first, then mirrored.

    Attributes:
        transpose: rows become columns.
        flip_rows: upside down.
        flip_columns: left and right exchanged.
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    @classmethod
    def from_exif(cls, tag: object) -> "Orientation":
        """Of EXIF's orientation tag, 1 to 8; anything else is upright."""
        return EXIF.get(tag, UPRIGHT) if isinstance(tag, int) else UPRIGHT

    @classmethod
    def from_matrix(cls, matrix: bytes) -> "Orientation":
        """Of a video's display matrix, nine 32-bit numbers, to the nearest quarter turn."""
        a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, d < 0, a < 0)
        return cls(True, b < 0, c < 0)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width after turning."""
        return (width, height) if self.transpose else (height, width)

    def turn(self, pixels: NDArray[Scalar]) -> NDArray[Scalar]:
        """Turn pixels [height, width, ...]."""
        if self == UPRIGHT:
            return pixels
        if self.transpose:
            pixels = pixels.swapaxes(0, 1)
        if self.flip_rows:
            pixels = pixels[::-1]
        if self.flip_columns:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(pixels)


UPRIGHT = Orientation()
EXIF = {
    1: UPRIGHT,
    2: Orientation(False, False, True),
    3: Orientation(False, True, True),
    4: Orientation(False, True, False),
    5: Orientation(True, False, False),
    6: Orientation(True, False, True),
    7: Orientation(True, True, True),
    8: Orientation(True, True, False),
}
"""What each value of the tag asks for: 6 is a camera held upright, turned a quarter to the right."""
