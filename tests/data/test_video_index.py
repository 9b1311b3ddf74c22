"""How many frames there are, whatever the header says."""

import os

import cv2
import pytest

from xinc_lightning.data import DataError, list_clips, load_clip, open_clip, video_index
from xinc_lightning.data.video import VideoFile

ALL = list(range(30))


@pytest.mark.parametrize("announced", [20, 45])
def test_wrong_number_of_frames_in_a_header_is_ignored(tmp_path, films, announced):
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


@pytest.mark.parametrize("rate", [25, 50])
def test_frames_a_second(tmp_path, films, rate):
    times = [25 * i / rate for i in ALL]
    source = VideoFile(films.write_numbered(tmp_path / "a.mkv", "ffv1", times=times if rate == 25 else None))
    assert source.fps == 25


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


@pytest.mark.parametrize("exact", [True, False], ids=["by packets", "by decoding"])
def test_there_is_a_limit_to_the_frames(tmp_path, films, monkeypatch, exact):
    path = films.write_numbered(tmp_path / "a.mp4", "libx264")
    monkeypatch.setattr(video_index, "MOST_FRAMES", 20)
    if not exact:
        monkeypatch.setattr(video_index, "index_by_packets", lambda path: None)
    with pytest.raises(DataError, match="has more than 20 frames; cut the part that is needed"):
        video_index.frame_index(path)


def test_a_video_of_no_frames(tmp_path):
    path = tmp_path / "a.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (32, 16)).release()
    with pytest.raises(DataError, match="is not a readable video"):
        VideoFile(path).size  # noqa: B018
