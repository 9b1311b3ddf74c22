"""Files that are opened or refused; frames as they are to be seen."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from xinc_lightning.data import DataError, open_clip
from xinc_lightning.data.video import VideoFile


@pytest.mark.parametrize("field", ["progressive", "top first"])
def test_interlaced_frames_are_no_uninitialised_memory(tmp_path, field):
    head = f"YUV4MPEG2 W64 H32 F25:1 I{field[0]} A1:1 C420jpeg\n".encode()
    frames = (b"FRAME\n" + bytes([60 + 30 * i]) * 2048 + bytes([128]) * 1024 for i in range(5))
    (tmp_path / "a.y4m").write_bytes(head + b"".join(frames))
    pictures = VideoFile(tmp_path / "a.y4m").read(range(5))
    assert [round(float(picture.mean())) for picture in pictures] == [51, 86, 121, 156, 190]


def test_interlaced_dv(tmp_path, films):
    grey = [np.full((576, 720, 3), 20 + 40 * i, np.uint8) for i in range(5)]
    source = VideoFile(films.write(tmp_path / "a.dv", "dvvideo", grey))
    means = [float(picture.mean()) for picture in source.read(range(5))]
    np.testing.assert_allclose(means, [20, 60, 100, 140, 180], atol=1.5)


def test_a_name_that_looks_like_an_address(tmp_path, films):
    path = films.write_numbered(tmp_path / "http:é 100%03d ✓.mp4", "libx264")
    assert films.numbers(VideoFile(path), [7]) == [7]
    assert VideoFile(path).describe(3) == f"frame 3 of '{path}'"
    assert VideoFile(path).flow_stem(3) == tmp_path / "http:é 100%03d ✓_flow" / "00003"


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotated_as_another_decoder_rotates(tmp_path, films, degrees):
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:8, :16] = (250, 20, 20)
    path = films.write(
        tmp_path / "a.mp4", "libx264", [picture] * 3, rotation=(degrees, False, False), crf="1"
    )
    (mine,) = VideoFile(path).read([0])
    theirs = cv2.VideoCapture(str(path)).read()[1][..., ::-1]
    assert mine.shape == theirs.shape == ((64, 32, 3) if degrees % 180 else (32, 64, 3))
    assert np.abs(mine.astype(int) - theirs).max() <= 12
    assert VideoFile(path).size == mine.shape[:2]


def test_mirrored(tmp_path, films):
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:8, :16] = (250, 20, 20)
    path = films.write(tmp_path / "a.mp4", "libx264", [picture] * 3, rotation=(0, True, False), crf="1")
    (mirrored,) = VideoFile(path).read([0])
    assert mirrored[4, 60, 0] > 200
    assert mirrored[4, 4, 0] < 50


@pytest.mark.parametrize("matrix", [0, 1, 5], ids=["not stated", "BT.709", "BT.601"])
@pytest.mark.parametrize("colour_range", [1, 2], ids=["limited", "full"])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
def test_colours_are_preserved(tmp_path, films, matrix, colour_range, pixels):
    picture = np.empty((32, 64, 3), np.uint8)
    picture[...] = (200, 40, 90)
    tags = {"color_range": colour_range} | ({"colorspace": matrix} if matrix else {})
    path = films.write(tmp_path / "a.mkv", "ffv1", [picture] * 2, pixels=pixels, tags=tags)
    for frame in VideoFile(path).read([0, 1]):
        np.testing.assert_allclose(frame[16, 32], (200, 40, 90), atol=3)


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "options"),
    [
        ("a.mov", "qtrle", "argb", {}),
        ("a.mov", "prores_ks", "yuva444p10le", {}),
        ("a.mkv", "ffv1", "bgra", {}),
        ("a.webm", "libvpx-vp9", "yuva420p", {"auto-alt-ref": "0", "crf": "5"}),
    ],
)
def test_transparent_pixels_are_laid_over_black(tmp_path, films, name, codec, pixels, options):
    picture = np.empty((32, 64, 4), np.uint8)
    picture[...] = (200, 100, 50, 255)
    picture[:, 16:32, 3] = 128
    picture[:, :16, 3] = 0
    path = films.write(tmp_path / name, codec, [picture] * 2, pixels=pixels, **options)
    for frame in VideoFile(path).read([0, 1]):
        np.testing.assert_allclose(frame[16, 8], 0, atol=3)
        np.testing.assert_allclose(frame[16, 24], (100, 50, 25), atol=6)
        np.testing.assert_allclose(frame[16, 48], (200, 100, 50), atol=6)


def test_a_pixel_format_that_changes(tmp_path, films):
    red, green = np.zeros((2, 32, 64, 3), np.uint8)
    red[..., 0] = green[..., 1] = 200
    first = films.write(tmp_path / "1.264", "libx264", [red] * 3)
    second = films.write(tmp_path / "2.264", "libx264", [green] * 3, pixels="yuv444p")
    (tmp_path / "a.264").write_bytes(first.read_bytes() + second.read_bytes())
    frames = list(VideoFile(tmp_path / "a.264").read(range(6)))
    np.testing.assert_allclose([f[16, 32] for f in frames], [(200, 0, 0)] * 3 + [(0, 200, 0)] * 3, atol=5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is an empty file$"),
        (b"nothing that plays" * 50, "is not a readable video or image$"),
        (bytes(5000), "is not a readable video or image$"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(5000), r"is cut off before the list of its frames \(moov\)"),
    ],
    ids=["empty", "garbage", "zeros", "no moov"],
)
def test_no_video(tmp_path, content, message, capfd):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(DataError, match=message):
        VideoFile(tmp_path / "a.mp4").names  # noqa: B018
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("letters", "name"), [(b"evc1", "EVC"), (b"Zork", "'Zork'")])
def test_a_codec_without_decoder_is_named(tmp_path, films, letters, name, capfd):
    path = films.write_numbered(tmp_path / "a.mp4", "libx264", 3)
    path.write_bytes(path.read_bytes().replace(b"avc1", letters))
    with pytest.raises(
        DataError, match=f"a.mp4' is a video encoded as {name}, for which .*convert it.*ffmpeg -i"
    ):
        VideoFile(path).names  # noqa: B018
    assert capfd.readouterr().err == ""


def test_other_files_of_containers(tmp_path, films):
    path = films.write_numbered(tmp_path / "a.mp4", "libx264", 3)
    path.write_bytes(path.read_bytes().replace(b"isom", b"heic", 1))
    with pytest.raises(DataError, match="is a HEIF photo, which cannot be read; save it as PNG or JPEG"):
        VideoFile(path).names  # noqa: B018
    (tmp_path / "a.nfo").write_text("a text\n" * 50)
    with pytest.raises(DataError, match="is not a readable video or image"):
        VideoFile(tmp_path / "a.nfo").names  # noqa: B018
    with av.open(str(tmp_path / "a.wav"), "w") as file:
        stream = file.add_stream("pcm_s16le", 8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        samples.sample_rate = 8000
        file.mux(stream.encode(samples))
    with pytest.raises(DataError, match=r"a.wav' holds no video, only audio"):
        VideoFile(tmp_path / "a.wav").names  # noqa: B018


def test_frames_are_those_of_another_decoder():
    """Bit for bit, on the clip that published results are of."""
    (path,) = [Path(str(open_clip("bunny").frames.path))]
    capture = cv2.VideoCapture(str(path))
    for mine in VideoFile(path).read(range(3)):
        np.testing.assert_array_equal(mine, capture.read()[1][..., ::-1])
