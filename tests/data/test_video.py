"""Every frame of every kind of video, by its number."""

import gc
import re
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from xinc_lightning.data import DataError, load_clip, open_clip
from xinc_lightning.data import video as video_module
from xinc_lightning.data.decoding import OpenVideo, opened_video
from xinc_lightning.data.video import VideoFile

ALL = list(range(30))
EVERY_KIND = {
    "H.264": ("a.mp4", "libx264", {}),
    "H.264 with open groups": ("a.mp4", "libx264", {"g": "10", "x264-params": "open-gop=1:bframes=3"}),
    "H.264, interlaced": ("a.mp4", "libx264", {"flags": "+ilme+ildct", "x264-params": "tff=1"}),
    "H.264 in a broadcast": ("a.ts", "libx264", {"g": "10"}),
    "H.264 in AVI": ("a.avi", "libx264", {"g": "10"}),
    "H.264 bare": ("a.264", "libx264", {"g": "10"}),
    "HEVC": ("a.mp4", "libx265", {"x265-params": "open-gop=1:keyint=10:min-keyint=10:log-level=none"}),
    "AV1": ("a.mp4", "libsvtav1", {"g": "10", "preset": "10", "crf": "30"}),
    "VP8 with hidden frames": ("a.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "9", "g": "10"}),
    "VP9 with hidden frames": (
        "a.webm",
        "libvpx-vp9",
        {"auto-alt-ref": "1", "lag-in-frames": "9", "g": "10"},
    ),
    "MPEG-4": ("a.mp4", "mpeg4", {}),
    "MPEG-4 in AVI": ("a.avi", "mpeg4", {"bf": "2", "q": "3"}),
    "MPEG-2": ("a.mpg", "mpeg2video", {"bf": "2"}),
    "MPEG-2, interlaced": ("a.ts", "mpeg2video", {"bf": "2", "flags": "+ilme+ildct"}),
    "FFV1": ("a.avi", "ffv1", {}),
    "Motion JPEG": ("a.avi", "mjpeg", {"pixels": "yuvj420p"}),
    "ProRes of 10 bits": ("a.mov", "prores_ks", {"pixels": "yuv422p10le"}),
}


@pytest.fixture
def long_film(tmp_path, films):
    """300 frames, a keyframe every 50."""
    return films.write_numbered(tmp_path / "long.mp4", "libx264", 300, g="50", preset="ultrafast", bf="2")


@pytest.fixture
def decoded(monkeypatch):
    """Counts the packets that are decoded."""
    counted = []
    original = OpenVideo._decoded

    def counting(self, packet):
        counted.append(packet)
        return original(self, packet)

    monkeypatch.setattr(OpenVideo, "_decoded", counting)
    return counted


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_gives_its_frames(tmp_path, films, kind):
    name, codec, options = EVERY_KIND[kind]
    source = VideoFile(films.write_numbered(tmp_path / name, codec, **options))
    assert len(source.names) == 30
    assert source.size == (32, 80)
    assert films.numbers(source, ALL) == ALL
    assert films.numbers(source, [3, 17, 29]) == [3, 17, 29]
    assert films.numbers(source, [25]) == [25]


@pytest.mark.parametrize("chosen", [[299], [49, 50, 51], [0, 120, 121, 280], [149, 150, 249]])
def test_frames_far_apart_are_exact_and_take_little_decoding(long_film, films, decoded, chosen):
    source = VideoFile(long_film)
    assert len(source.names) == 300
    decoded.clear()
    assert films.numbers(source, chosen) == chosen
    assert len(decoded) < 75 * len(chosen)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_frames_are_not_kept(tmp_path, films):
    def memory():
        return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024

    grey = np.full((720, 1280, 3), 90, np.uint8)
    source = VideoFile(films.write(tmp_path / "a.avi", "mjpeg", [grey] * 100, pixels="yuvj420p"))
    frames = source.read(range(100))
    gc.disable()
    try:
        for _ in range(10):
            next(frames)
        before = memory()
        for _ in range(90):
            next(frames)
        assert memory() - before < 40, "90 frames are 120 MB before and 240 MB after their conversion"
    finally:
        gc.enable()


def test_seek_that_lands_too_late_is_corrected(long_film, films, monkeypatch):
    class JumpsTooFar:
        """A file whose list of keyframes is wrong."""

        def __init__(self, container):
            self.container = container
            self.demux = container.demux

        def seek(self, time, stream):
            self.container.seek(source.index.times[250], stream=stream)

    @contextmanager
    def opened(path):
        with opened_video(path) as found:
            yield OpenVideo(JumpsTooFar(found.container), found.stream, found.decoder, path)

    source = VideoFile(long_film)
    assert len(source.names) == 300
    monkeypatch.setattr(video_module, "opened_video", opened)
    assert films.numbers(source, [120, 121, 260]) == [120, 121, 260]


def test_a_size_that_changes_is_one_sentence(tmp_path, films):
    first = films.write(tmp_path / "1.264", "libx264", [np.zeros((32, 64, 3), np.uint8)] * 3)
    second = films.write(tmp_path / "2.264", "libx264", [np.zeros((48, 64, 3), np.uint8)] * 3)
    path = tmp_path / "a.264"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    assert [frame.shape[0] for frame in VideoFile(path).read(range(6))] == [32, 32, 32, 48, 48, 48]
    with pytest.raises(DataError, match=r"frame 3 of .* has 48×64 pixels, but frame 0 of .* has 32×64"):
        load_clip(open_clip(path))


def test_damage_names_the_frame_and_what_is_good(tmp_path, films):
    path = films.write_numbered(tmp_path / "a.mp4", "libx264", g="10", bf="0", sc_threshold="0")
    with av.open(str(path)) as file:
        packets = [(packet.pos, packet.size) for packet in file.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    start, size = packets[13]
    content[start + 8 : start + size] = bytes(size - 8)
    path.write_bytes(content)
    source = VideoFile(path)
    assert len(source.names) == 30
    good = [*range(13), *range(20, 30)]
    assert films.numbers(source, good) == good
    with pytest.raises(
        DataError, match=r"^frame 13 of '.*a.mp4' is damaged \(.*\); choose .* before 13 or from 20 on$"
    ):
        list(source.read(ALL))
    with pytest.raises(DataError, match=r"^frame 17 of '.*' depends on frame 13, which is damaged"):
        list(source.read([2, 17]))
