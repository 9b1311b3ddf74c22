"""Values of more than 8 bits, whatever their white."""

import struct
import warnings
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from xinc_lightning.data import DataError, load_clip, open_clip
from xinc_lightning.data.deep import WhiteLevel
from xinc_lightning.data.images import PictureOptions, image_size, read_rgb

TWELVE = np.linspace(0, 4095, 48).astype(np.uint16).reshape(6, 8)
AS_8_BITS = TWELVE >> 4


@given(value=st.integers(0, 65535), white=st.integers(1, 65535))
def test_white_is_255_and_black_0(value, white):
    scaled = WhiteLevel(white).to_8_bits(np.array([[0, value, white]], np.uint16))
    assert scaled[0, 0] == 0
    assert scaled[0, 2] == (white * 256 // (white + 1))
    assert abs(int(scaled[0, 1]) - min(255 * value / white, 255)) < 1 + 256 / (white + 1)


def png(path, values, significant=16, orientation=1):
    """A 16-bit PNG that says how many bits count and which way is up."""
    exif = Image.Exif()
    exif[0x112] = orientation
    colours = values.ndim == 3
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [
        (
            b"IHDR",
            struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 2 if colours else 0, 0, 0, 0),
        ),
        (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")),
        (b"sBIT", bytes([significant] * (3 if colours else 1))),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def tiff(path, values, bits=16, maximum=None, orientation=1):
    """An uncompressed TIFF; 12 bits are packed two values in three bytes."""
    if bits == 12:
        pairs = values.reshape(-1, 2).astype(int)
        packed = np.stack(
            [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1
        )
        data = packed.astype(np.uint8).tobytes()
    else:
        data = values.astype("<u2").tobytes()
    channels = 3 if values.ndim == 3 else 1
    depths = struct.pack("<3H", bits, bits, bits)
    tags = {256: values.shape[1], 257: values.shape[0], 259: 1, 262: 2 if channels == 3 else 1, 273: 14}
    tags |= {274: orientation, 277: channels, 278: values.shape[0], 279: len(data)}
    tags |= {258: 8 if channels == 3 else bits} | ({281: maximum} if maximum else {})
    entries = b"".join(
        struct.pack("<HHII", tag, 3 if tag == 258 else 4, channels if tag == 258 else 1, value)
        for tag, value in sorted(tags.items())
    )
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", 14 + len(data)) + depths + data + directory)
    return path


def pnm(path, values, white):
    kind = b"P6" if values.ndim == 3 else b"P5"
    head = kind + b"\n%d %d\n%d\n" % (values.shape[1], values.shape[0], white)
    path.write_bytes(head + values.astype(">u2").tobytes())
    return path


RGB = np.stack([TWELVE, TWELVE[::-1], TWELVE[:, ::-1]], axis=2)


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: png(folder / "a.png", TWELVE, 12),
        lambda folder: png(folder / "a.png", TWELVE << 4 | TWELVE >> 8, 12),  # as the format asks for
        lambda folder: tiff(folder / "a.tif", TWELVE, 12),
        lambda folder: tiff(folder / "a.tif", TWELVE, 16, maximum=4095),
        lambda folder: pnm(folder / "a.pgm", TWELVE, 4095),
    ],
    ids=["PNG", "PNG, moved up", "TIFF of 12 bits", "TIFF that tells its maximum", "PGM"],
)
def test_the_depth_that_a_file_states_counts(tmp_path, write):
    grey = read_rgb(write(tmp_path))
    np.testing.assert_allclose(grey[..., 1].astype(int), AS_8_BITS, atol=1)


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: png(folder / "a.png", RGB, 12),
        lambda folder: pnm(folder / "a.ppm", RGB, 4095),
    ],
    ids=["PNG", "PPM"],
)
def test_of_colours_too(tmp_path, write):
    np.testing.assert_allclose(read_rgb(write(tmp_path)).astype(int), RGB >> 4, atol=1)


@pytest.mark.parametrize(("name", "write"), [("a.png", png), ("a.tif", tiff)])
@pytest.mark.parametrize("values", [TWELVE, RGB], ids=["grey", "colours"])
def test_deep_values_come_out_upright(tmp_path, name, write, values):
    path = write(tmp_path / name, values * 16, orientation=6)
    expected = np.rot90(AS_8_BITS if values.ndim == 2 else RGB >> 4, -1)
    pixels = read_rgb(path)
    assert image_size(path) == pixels.shape[:2] == (8, 6)
    np.testing.assert_array_equal(pixels if values.ndim == 3 else pixels[..., 0], expected)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_white_can_be_given(tmp_path, name, channels):
    values = TWELVE if channels == 1 else RGB[..., ::-1]  # OpenCV's order is blue, green, red
    assert cv2.imwrite(str(tmp_path / name), values)
    pixels = read_rgb(tmp_path / name, PictureOptions(white=4095))
    np.testing.assert_array_equal(pixels, (RGB if channels == 3 else np.stack([TWELVE] * 3, 2)) >> 4)


def test_a_maximum_that_is_no_white_changes_nothing(tmp_path):
    """Programs write there what is largest in this picture."""
    bright = (TWELVE.astype(int) * 15).astype(np.uint16)
    pixels = read_rgb(tiff(tmp_path / "a.tif", bright, 16, maximum=int(bright.max())))
    np.testing.assert_array_equal(pixels[..., 0], bright >> 8)


def test_transparent_deep_pixels_are_laid_over_black(tmp_path):
    deep = np.full((2, 4, 4), 40_000, np.uint16)
    deep[..., 3] = [0, 65535, 32768, 0]
    assert cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert read_rgb(tmp_path / "a.png")[0, :, 0].tolist() == [0, 40_000 >> 8, 20_000 >> 8, 0]


def test_a_dark_clip_is_warned_of_once_and_names_the_way_out(tmp_path):
    for k in range(3):
        assert cv2.imwrite(str(tmp_path / f"{k}.png"), TWELVE // (k + 1))
    files = open_clip(tmp_path)
    message = r"16-bit values in '.*' is 4095, .* 12 bits, say so: data.white: 4095$"
    with pytest.warns(UserWarning, match=message):
        load_clip(files, resize=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_clip(files, [0, 1], resize=None)
        clip = load_clip(open_clip(tmp_path, pictures=PictureOptions(white=4095)), resize=None)
    np.testing.assert_array_equal((clip.frames[0, 0] * 255).round().numpy(), AS_8_BITS)


@pytest.mark.parametrize("scale", [16, 0], ids=["bright", "black"])
def test_clips_that_use_their_range_or_nothing_of_it_are_not(tmp_path, scale):
    assert cv2.imwrite(str(tmp_path / "0.png"), TWELVE * scale)
    assert cv2.imwrite(str(tmp_path / "1.png"), TWELVE * 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_clip(open_clip(tmp_path), resize=None)


def test_white_is_for_pictures(tmp_path, films, davis):
    white = PictureOptions(white=4095)
    film = films.write_numbered(tmp_path / "a.mp4", "libx264", 2)
    with pytest.raises(
        DataError, match=r"white is 4095, which is for pictures of 16 bits; '.*a.mp4' is a video"
    ):
        open_clip(film, pictures=white)
    for path in ("bunny", davis.root):
        with pytest.raises(DataError, match="white is 4095, which is for your own pictures"):
            open_clip(path, "bear" if path != "bunny" else None, pictures=white)


def test_deep_colours_in_an_odd_tiff(tmp_path):
    assert cv2.imwrite(str(tmp_path / "a.tif"), RGB)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    compression = content.find(b"\x03\x01\x03\x00\x01\x00\x00\x00")
    assert compression > 0
    content[compression + 8 : compression + 10] = (50_002).to_bytes(2, "little")  # JPEG XL
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(DataError, match=r"a.tif' is not a readable image"):
        read_rgb(tmp_path / "a.tif")
