import gc
import os
import re
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from xinc_lightning.data import DataError, list_clips, load_clip, open_clip, video_index
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


@pytest.mark.parametrize("announced", [20, 45])
def test_the_number_of_frames_in_a_header_is_not_believed(tmp_path, films, announced):
    path = films.write_numbered(tmp_path / "a.avi", "mjpeg", pixels="yuvj420p")
    content = bytearray(path.read_bytes())
    at = content.find(b"strh") + 40
    content[at : at + 4] = announced.to_bytes(4, "little")
    path.write_bytes(content)
    assert films.numbers(VideoFile(path), ALL) == ALL
    clip = load_clip(open_clip(path), "-5:", resize=None)
    assert clip.indices == (25, 26, 27, 28, 29)
    assert [films.number_of((f.permute(1, 2, 0) * 255).byte().numpy()) for f in clip.frames] == [
        *clip.indices
    ]
    assert list_clips(path)[0].frames == 30


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_variable_frame_rate_changes_no_number(tmp_path, films, name):
    times = [i + 7 * (i > 9) + 30 * (i > 19) for i in range(30)]
    source = VideoFile(films.write_numbered(tmp_path / name, "libx264", times=times, g="10"))
    assert len(source.names) == 30
    assert films.numbers(source, ALL) == ALL
    assert films.numbers(source, [9, 10, 28]) == [9, 10, 28]


@pytest.mark.parametrize("name", ["a.mkv", "a.mov"])
def test_sound_longer_than_the_picture_adds_no_frame(tmp_path, films, name):
    source = VideoFile(films.write_numbered(tmp_path / name, "libx264", sound=4))
    assert len(source.names) == 30
    assert films.numbers(source, [0, 29]) == [0, 29]


def test_frames_before_an_edit_list_are_not_shown(tmp_path, films):
    """As players do: what begins within a group of frames is decoded from its keyframe, and shown from its time."""
    path = films.write_numbered(
        tmp_path / "a.mp4",
        "libx264",
        times=range(-12, 18),
        container={"avoid_negative_ts": "disabled"},
        bf="0",
    )
    source = VideoFile(path)
    assert films.numbers(source, range(len(source.names))) == list(range(12, 30))
    assert films.numbers(source, [5]) == [17]


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


def test_a_jump_that_lands_too_late_is_not_trusted(long_film, films, monkeypatch):
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


def test_frames_of_a_video_are_found_once(tmp_path, films, monkeypatch, cache_folder):
    path = films.write_numbered(tmp_path / "a.avi", "mpeg4", q="3")
    monkeypatch.setattr(video_index, "SLOW", 0)
    first = VideoFile(path).index
    assert first.times is None
    assert len(list(cache_folder.iterdir())) == 1

    def again(path):
        raise AssertionError("counted again")

    monkeypatch.setattr(video_index, "index_by_decoding", again)
    assert VideoFile(path).index == first
    os.utime(path, ns=(1, 1))
    with pytest.raises(AssertionError, match="counted again"):
        VideoFile(path).index  # noqa: B018
    next(cache_folder.iterdir()).write_text("{")
    with pytest.raises(AssertionError, match="counted again"):
        VideoFile(path).index  # noqa: B018


def test_quick_videos_leave_nothing_in_the_cache(tmp_path, films, cache_folder):
    assert len(VideoFile(films.write_numbered(tmp_path / "a.mp4", "libx264")).names) == 30
    assert not cache_folder.exists()


def test_a_name_that_looks_like_an_address(tmp_path, films):
    path = films.write_numbered(tmp_path / "http:é 100%03d ✓.mp4", "libx264")
    assert films.numbers(VideoFile(path), [7]) == [7]
    assert VideoFile(path).describe(3) == f"frame 3 of '{path}'"
    assert VideoFile(path).flow_stem(3) == tmp_path / "http:é 100%03d ✓_flow" / "00003"


@pytest.mark.parametrize("rate", [25, 50])
def test_frames_a_second(tmp_path, films, rate):
    times = [25 * i / rate for i in ALL]
    source = VideoFile(films.write_numbered(tmp_path / "a.mkv", "ffv1", times=times if rate == 25 else None))
    assert source.fps == 25


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
def test_colours_come_out_as_they_went_in(tmp_path, films, matrix, colour_range, pixels):
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


def test_a_size_that_changes_is_one_sentence(tmp_path, films):
    first = films.write(tmp_path / "1.264", "libx264", [np.zeros((32, 64, 3), np.uint8)] * 3)
    second = films.write(tmp_path / "2.264", "libx264", [np.zeros((48, 64, 3), np.uint8)] * 3)
    path = tmp_path / "a.264"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    assert [frame.shape[0] for frame in VideoFile(path).read(range(6))] == [32, 32, 32, 48, 48, 48]
    with pytest.raises(DataError, match=r"frame 3 of .* has 48×64 pixels, but frame 0 of .* has 32×64"):
        load_clip(open_clip(path))


def test_a_pixel_format_that_changes(tmp_path, films):
    red, green = np.zeros((2, 32, 64, 3), np.uint8)
    red[..., 0] = green[..., 1] = 200
    first = films.write(tmp_path / "1.264", "libx264", [red] * 3)
    second = films.write(tmp_path / "2.264", "libx264", [green] * 3, pixels="yuv444p")
    (tmp_path / "a.264").write_bytes(first.read_bytes() + second.read_bytes())
    frames = list(VideoFile(tmp_path / "a.264").read(range(6)))
    np.testing.assert_allclose([f[16, 32] for f in frames], [(200, 0, 0)] * 3 + [(0, 200, 0)] * 3, atol=5)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_of_a_truncated_file_the_whole_frames_are_taken(tmp_path, films, name):
    codec, options = ("libx264", {"g": "10"}) if name != "a.avi" else ("mjpeg", {"pixels": "yuvj420p"})
    path = films.write_numbered(
        tmp_path / name, codec, container={"movflags": "faststart"} if name == "a.mp4" else None, **options
    )
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    source = VideoFile(path)
    count = len(source.names)
    assert 12 < count < 25
    assert films.numbers(source, range(count)) == list(range(count))
    with pytest.raises(DataError, match=f"has {count} frames, numbered from 0 to {count - 1}"):
        load_clip(open_clip(path), [29])


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


def test_a_video_of_no_frames(tmp_path):
    path = tmp_path / "a.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (32, 16)).release()
    with pytest.raises(DataError, match="is not a readable video"):
        VideoFile(path).size  # noqa: B018


def test_frames_are_those_of_another_decoder():
    """Bit for bit, on the clip that published results are of."""
    (path,) = [Path(str(open_clip("bunny").frames.path))]
    capture = cv2.VideoCapture(str(path))
    for mine in VideoFile(path).read(range(3)):
        np.testing.assert_array_equal(mine, capture.read()[1][..., ::-1])
