import io

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from xinc_lightning.data import DataError, encode_mp4, encode_png, load_clip, open_clip
from xinc_lightning.data.video import VideoFile


def gradient(height, width, frames=5):
    """Different in every row and column, and brighter from frame to frame."""
    rows, columns = np.mgrid[:height, :width]
    base = np.stack(
        [40 + 150 * rows / height, 40 + 150 * columns / width, np.full((height, width), 90)], axis=2
    )
    return np.stack([base + 8 * t for t in range(frames)]).astype(np.uint8)


@pytest.mark.parametrize("size", [(32, 64), (31, 64), (32, 63), (101, 67), (17, 33)])
def test_no_row_or_column_is_lost(tmp_path, size):
    frames = gradient(*size)
    (tmp_path / "a.mp4").write_bytes(encode_mp4(frames, 25))
    read = np.stack(list(VideoFile(tmp_path / "a.mp4").read(range(5)))).astype(int)
    assert read.shape[1:3] == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    even = np.pad(frames, ((0, 0), (0, size[0] % 2), (0, size[1] % 2), (0, 0)), mode="edge")
    assert np.abs(read - even).mean() < 4


@pytest.mark.parametrize("fps", [25.0, 12.5, 2.0, 30000 / 1001, 1 / 3])
def test_video_is_playable_in_browsers(tmp_path, fps):
    (tmp_path / "a.mp4").write_bytes(encode_mp4(gradient(32, 64), fps))
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate) == pytest.approx(fps, rel=1e-6)
        assert stream.frames == 5
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "a browser plays it before all has come"


def test_colours_are_those_that_were_given(tmp_path):
    colours = [(200, 40, 90), (20, 220, 60), (30, 60, 230), (255, 255, 255), (0, 0, 0)]
    frames = np.stack([np.full((32, 64, 3), colour, np.uint8) for colour in colours])
    (tmp_path / "a.mp4").write_bytes(encode_mp4(frames, 25))
    for frame, colour in zip(VideoFile(tmp_path / "a.mp4").read(range(5)), colours, strict=True):
        np.testing.assert_allclose(frame[16, 32], colour, atol=4)
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert next(file.decode(video=0)).colorspace == 1, "BT.709, as players take it for granted"


def test_without_h264_there_is_mpeg_4(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    (tmp_path / "a.mp4").write_bytes(encode_mp4(gradient(32, 64), 25))
    assert cv2.VideoCapture(str(tmp_path / "a.mp4")).read()[0]
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(DataError, match="this PyAV has none of the encoders libx264, libopenh264, mpeg4"):
        encode_mp4(gradient(32, 64), 25)


@pytest.mark.parametrize("frames", [1, 2000])
def test_the_index_has_room_at_the_beginning(frames):
    content = encode_mp4(gradient(2, 2, 1).repeat(frames, 0), 25)
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(io.BytesIO(content)) as file:
        assert sum(packet.size > 0 for packet in file.demux(video=0)) == frames


def test_what_cannot_be_encoded_is_one_line():
    with pytest.raises(DataError, match="the video cannot be encoded: "):
        encode_mp4(np.zeros((1, 2, 40_000, 3), np.uint8))


def test_pictures_are_exact():
    frame = gradient(17, 33, 1)[0]
    np.testing.assert_array_equal(Image.open(io.BytesIO(encode_png(frame))), frame)


@pytest.mark.parametrize(("chosen", "fps"), [("all", 10), ("::2", 5), ([0, 1, 4], 10), ([7], 10)])
def test_a_clip_lasts_as_long_as_its_source(tmp_path, chosen, fps):
    (tmp_path / "a.mp4").write_bytes(encode_mp4(gradient(16, 32, 12), 10))
    assert load_clip(open_clip(tmp_path / "a.mp4"), chosen, resize=None).fps == pytest.approx(fps)


def test_pictures_have_no_speed(frames_folder):
    assert load_clip(open_clip(frames_folder), resize=None).fps is None
