import warnings
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from xinc_lightning.data.deep import WhiteLevel
from xinc_lightning.data.errors import DataError
from xinc_lightning.data.images import Picture, PictureOptions, image_size, is_picture, read_rgb
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


def test_damage_is_one_line(tmp_path):
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
def test_missing_image_suggests_the_nearest(tmp_path, read):
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "frame_01.png")
    with pytest.raises(DataError, match=r"did you mean 'frame_01.png'"):
        read(tmp_path / "frame_1.png")


def test_floating_point_images_are_refused(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "a.tif")
    for read in (read_rgb, read_ids):
        with pytest.raises(DataError, match=r"floating-point|F image"):
            read(Path(tmp_path / "a.tif"))


LOSSLESS = {"a.png": {}, "a.webp": {"lossless": True}, "a.tif": {}, "a.bmp": {}, "a.ppm": {}, "a.qoi": {}}


@pytest.mark.parametrize("name", [*LOSSLESS, "a.jpg", "a.avif", "a.jp2"])
def test_every_kind_of_picture(tmp_path, name):
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16] = (250, 120, 10)
    Image.fromarray(pixels).save(tmp_path / name, **LOSSLESS.get(name, {"quality": 95}))
    np.testing.assert_allclose(read_rgb(tmp_path / name), pixels, atol=0 if name in LOSSLESS else 40)
    assert image_size(tmp_path / name) == (32, 48)


@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.webp", "p.tif", "p.avif"])
def test_pictures_come_out_upright(tmp_path, name):
    picture = Image.new("RGB", (60, 40))
    picture.paste((255, 0, 0), (0, 0, 60, 10))
    exif = Image.Exif()
    exif[0x112] = 6
    picture.save(tmp_path / name, exif=exif)
    pixels = read_rgb(tmp_path / name)
    assert image_size(tmp_path / name) == pixels.shape[:2] == (60, 40)
    assert (pixels[:, 32:, 0] > 240).all()
    assert (pixels[:, :28] < 15).all()


@pytest.mark.parametrize("after", [False, True], ids=["before the pixels", "after the pixels"])
def test_exif_anywhere_in_a_png(tmp_path, after):
    exif = Image.Exif()
    exif[0x112] = 8
    content = exif.tobytes()[6:]
    chunk = len(content).to_bytes(4, "big") + b"eXIf" + content
    chunk += zlib.crc32(chunk[4:]).to_bytes(4, "big")
    Image.fromarray(np.array([[[9, 0, 0], [0, 9, 0]]], np.uint8)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    at = len(whole) - 12 if after else whole.index(b"IDAT") - 4
    (tmp_path / "a.png").write_bytes(whole[:at] + chunk + whole[at:])
    assert image_size(tmp_path / "a.png") == (2, 1)
    assert read_rgb(tmp_path / "a.png").tolist() == [[[0, 9, 0]], [[9, 0, 0]]]


def test_damaged_camera_notes_are_no_reason_to_refuse(tmp_path):
    Image.new("RGB", (4, 2), (9, 9, 9)).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_rgb(tmp_path / "a.jpg").shape == (2, 4, 3)


def test_images_are_recognised_by_content(tmp_path):
    Image.new("RGB", (4, 2)).save(tmp_path / "a", format="PNG")
    assert is_picture(tmp_path / "a")
    (tmp_path / "b.png").write_bytes(b"\x00\x00\x01\xba" + bytes(100))  # how an MPEG film begins
    assert not is_picture(tmp_path / "b.png")


def test_a_large_picture_is_refused_until_it_is_allowed(tmp_path):
    Image.new("1", (14_000, 13_000)).save(tmp_path / "a.png")
    message = (
        r"a.png' has 13000×14000 = 182000000 pixels, more than 178956970; .* data.max_pixels: 182000000$"
    )
    with pytest.raises(DataError, match=message):
        read_rgb(tmp_path / "a.png")
    assert image_size(tmp_path / "a.png") == (13_000, 14_000)
    Image.new("1", (30, 20)).save(tmp_path / "b.png")
    with pytest.raises(DataError, match="600 pixels, more than 599"):
        read_rgb(tmp_path / "b.png", PictureOptions(max_pixels=599))
    assert read_rgb(tmp_path / "b.png", PictureOptions(max_pixels=600)).shape == (20, 30, 3)
    assert Image.MAX_IMAGE_PIXELS is not None, "Pillow's limit is as it was"


STACKS = ("a.webp", "a.tif", "a.png", "a.gif", "a.avif")


@pytest.mark.parametrize("name", STACKS)
def test_all_frames_of_a_file(tmp_path, name):
    frames = [Image.new("RGB", (64, 32), (20 * k,) * 3) for k in range(12)]
    timed = {} if name == "a.tif" else {"duration": 40}
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **timed)
    with Picture(tmp_path / name) as picture:
        assert len(picture.frames) == 12
        means = [float(picture.rgb(WhiteLevel(), k).mean()) for k in (*range(12), 3)]
        assert picture.frames_a_second == (25 if timed else None)
    np.testing.assert_allclose(means, [20 * k for k in (*range(12), 3)], atol=3)
    with pytest.raises(
        DataError, match=f"{name}' has 12 frames where one is due; .* give its path, not its folder"
    ):
        read_rgb(tmp_path / name)


def test_transparency_of_animations_is_laid_over_black(tmp_path):
    """As ffmpeg, which shares no code with Pillow, has them over black."""
    frames = []
    for k in range(3):
        pixels = np.zeros((16, 32, 4), np.uint8)
        pixels[4:12, 8 * k : 8 * k + 8] = (200, 100, 50, 255)
        frames.append(Image.fromarray(pixels))
    for name in ("a.gif", "a.png", "a.webp"):
        options = {"lossless": True} if name == "a.webp" else {}
        frames[0].save(
            tmp_path / name, save_all=True, append_images=frames[1:], disposal=2, duration=40, **options
        )
        with Picture(tmp_path / name) as picture:
            for k in range(3):
                expected = np.asarray(frames[k])[..., :3] * (np.asarray(frames[k])[..., 3:] > 0)
                np.testing.assert_allclose(picture.rgb(WhiteLevel(), k), expected, atol=4)
    with Picture(tmp_path / "a.gif") as picture, av.open(str(tmp_path / "a.gif")) as film:
        for k, frame in enumerate(film.decode(video=0)):
            theirs = frame.reformat(format="rgba").to_ndarray().astype(int)
            np.testing.assert_array_equal(
                picture.rgb(WhiteLevel(), k), theirs[..., :3] * theirs[..., 3:] // 255
            )


def test_the_poster_of_an_animated_png_is_no_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), (50 * k,) * 3) for k in range(4)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], default_image=True)
    with Picture(tmp_path / "a.png") as picture:
        assert [int(picture.rgb(WhiteLevel(), k).mean()) for k in range(len(picture.frames))] == [
            50,
            100,
            150,
        ]


def test_thumbnails_in_a_tiff_and_previews_in_a_jpeg_are_no_frames(tmp_path):
    thumbnail = Image.new("L", (4, 4))
    thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
    Image.new("L", (16, 16), 9).save(tmp_path / "a.tif", save_all=True, append_images=[thumbnail])
    Image.new("L", (16, 16), 9).save(
        tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[Image.new("L", (4, 4))]
    )
    for name in ("a.tif", "a.jpg"):
        assert read_rgb(tmp_path / name).shape == (16, 16, 3)


def test_pages_of_a_tiff_may_be_deep(tmp_path):
    pages = np.stack([np.full((4, 6, 3), 20_000 * k, np.uint16) for k in range(3)])
    assert cv2.imwritemulti(str(tmp_path / "a.tif"), list(pages))
    with Picture(tmp_path / "a.tif") as picture:
        assert [int(picture.rgb(WhiteLevel(), k)[0, 0, 0]) for k in range(3)] == [0, 20_000 >> 8, 40_000 >> 8]
