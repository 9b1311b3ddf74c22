import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from xinc_lightning.data.orientation import Orientation


@pytest.mark.parametrize("tag", range(1, 9))
def test_exif_tags_turn_as_pillow_turns(tag):
    pixels = np.arange(2 * 3 * 3).reshape(2, 3, 3).astype(np.uint8)
    image = Image.fromarray(pixels)
    image.getexif()[0x112] = tag
    expected = np.asarray(ImageOps.exif_transpose(image))
    orientation = Orientation.from_exif(tag)
    np.testing.assert_array_equal(orientation.turn(pixels), expected)
    assert orientation.size(2, 3) == expected.shape[:2]


@pytest.mark.parametrize("tag", [None, 0, 9, "6", b"6"])
def test_other_tags_turn_nothing(tag):
    pixels = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(Orientation.from_exif(tag).turn(pixels), pixels)


@pytest.mark.parametrize("nudge", [0, 0.1])
def test_a_matrix_maps_pixels_where_it_says(nudge):
    """Against moving every pixel by hand: (x, y) goes to (a·x + c·y, b·x + d·y)."""
    pixels = np.arange(6).reshape(2, 3)
    for a, b, c, d in [(1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1)] + [
        (0, b, c, 0) for b in (1, -1) for c in (1, -1)
    ]:
        moved = {(a * x + c * y, b * x + d * y): pixels[y, x] for y in range(2) for x in range(3)}
        left, top = (min(place[axis] for place in moved) for axis in (0, 1))
        expected = np.zeros((3, 2) if b else (2, 3), int)
        for (x, y), value in moved.items():
            expected[y - top, x - left] = value
        numbers = [round(65536 * (n + nudge * (n == 0))) for n in (a, b, 0, c, d, 0, 0, 0, 16384)]
        matrix = struct.pack("=9i", *numbers)
        np.testing.assert_array_equal(Orientation.from_matrix(matrix).turn(pixels), expected)
