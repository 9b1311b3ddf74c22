import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from xinc_lightning.data.errors import DataError
from xinc_lightning.data.images import image_size, read_rgb
from xinc_lightning.data.masks import read_ids

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
sizes = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)


@given(colours=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
@quick
def test_colours(tmp_path, colours):
    Image.fromarray(colours).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), colours)
    assert image_size(tmp_path / "a.png") == colours.shape[:2]


def test_grey_is_repeated(tmp_path):
    grey = np.array([[0, 100], [200, 255]], np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_are_scaled(tmp_path, suffix):
    deep = np.array([[0, 257, 255], [32768, 65535, 65280]], np.uint16)
    assert cv2.imwrite(str(tmp_path / f"a{suffix}"), deep)
    np.testing.assert_array_equal(read_rgb(tmp_path / f"a{suffix}")[..., 0], [[0, 1, 0], [128, 255, 255]])


def test_16_bit_colours_are_scaled(tmp_path):
    deep = np.array([[[0, 32768, 65535]]], np.uint16)  # OpenCV's order is blue, green, red
    assert cv2.imwrite(str(tmp_path / "a.png"), deep)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), [[[255, 128, 0]]])


def test_transparent_pixels_are_laid_over_black(tmp_path):
    Image.fromarray(np.array([[[200, 100, 50, 255], [200, 100, 50, 0]]], np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), [[[200, 100, 50], [0, 0, 0]]])


def test_palette_colours(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), mode="L")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), [[[10, 20, 30], [40, 50, 60]]])
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), [[0, 1]])


def test_arrays_may_be_written_to(tmp_path):
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(read_rgb(tmp_path / "a.png"))


@given(cut=st.integers(1, 400))
@quick
def test_a_truncated_png_is_an_error_or_whole(tmp_path, cut):
    pixels = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[:-cut])
    try:
        read = read_rgb(path)
    except DataError:
        return
    np.testing.assert_array_equal(read, pixels)


def test_damage_anywhere_is_one_sentence(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
    whole = tmp_path / "whole.png"
    Image.fromarray(pixels).save(whole)
    content, path = whole.read_bytes(), tmp_path / "a.png"
    messages = []
    for position in range(0, len(content), 3):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x55]) + content[position + 1 :])
        try:
            read_rgb(path)
        except DataError as error:
            messages.append(str(error))
    assert len(messages) > 50
    assert all(str(path) in message and "\n" not in message for message in messages)


@pytest.mark.parametrize("read", [read_rgb, read_ids, image_size])
@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_not_an_image(tmp_path, read, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=r"a.png' is not a readable image"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("read", [read_rgb, read_ids, image_size])
def test_missing_image_offers_its_neighbour(tmp_path, read):
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "frame_01.png")
    with pytest.raises(DataError, match=r"did you mean 'frame_01.png'"):
        read(tmp_path / "frame_1.png")


def test_floating_point_images_are_refused(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "a.tif")
    for read in (read_rgb, read_ids):
        with pytest.raises(DataError, match=r"floating-point|F image"):
            read(Path(tmp_path / "a.tif"))
