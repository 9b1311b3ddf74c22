from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.data.errors import DataError
from xinc_lightning.data.frames import ImageFiles, VideoFile, natural_order, select_frames


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twelve lossless frames whose grey level tells their number."""
    path = tmp_path / "vidéo.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25, (32, 16))
    assert writer.isOpened()
    for t in range(12):
        writer.write(np.full((16, 32, 3), (20 * t, 10 * t, 5 * t), np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize("indices", [[0], [11], [0, 1, 2], [3, 7, 10], list(range(12))])
def test_the_right_frames_of_a_video(video, indices):
    frames = list(VideoFile(video).read(indices))
    assert len(frames) == len(indices)
    for index, frame in zip(indices, frames, strict=True):
        assert frame.shape == (16, 32, 3)
        # Red, green, blue, where the writer was given blue, green, red.
        np.testing.assert_allclose(
            frame.reshape(-1, 3).mean(axis=0), [5 * index, 10 * index, 20 * index], atol=2
        )


def test_video_facts(video):
    source = VideoFile(video)
    assert source.size == (16, 32)
    assert source.names[-1] == "00011"
    assert source.describe(3) == f"frame 3 of '{video}'"


def test_a_video_shorter_than_it_says(video, monkeypatch):
    source = VideoFile(video)
    monkeypatch.setitem(source.__dict__, "_shape", (20, 16, 32))
    with pytest.raises(
        DataError, match=r"frame 15 of '.*' cannot be decoded, .* 20 frames; choose from the first 12"
    ):
        list(source.read([2, 15]))


@pytest.mark.parametrize("content", [b"", b"nothing that plays" * 50], ids=["empty", "garbage"])
def test_no_video(tmp_path, content, capfd):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(DataError, match=r"a.mp4' is (an empty file|not a readable video)"):
        VideoFile(tmp_path / "a.mp4").names  # noqa: B018
    assert capfd.readouterr().err == ""


def test_a_video_of_no_frames(tmp_path):
    path = tmp_path / "a.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (32, 16)).release()
    with pytest.raises(DataError, match="is not a readable video"):
        VideoFile(path).size  # noqa: B018


def test_images_in_the_order_people_count(tmp_path, save_image, painted):
    for name in ("frame_10.png", "frame_2.png", "frame_1.JPG", ".hidden.png"):
        save_image(tmp_path / name, painted.picture(0))
    (tmp_path / "notes.txt").write_text("")
    assert ImageFiles.in_folder(tmp_path).names == ["frame_1", "frame_2", "frame_10"]


@given(st.lists(st.text(st.characters(exclude_characters="/\0")), min_size=1))
def test_any_names_can_be_ordered(names):
    sorted((Path(f"a{name}") for name in names), key=natural_order)


def test_two_images_of_one_frame(tmp_path, save_image, painted):
    save_image(tmp_path / "1.png", painted.picture(0))
    save_image(tmp_path / "1.jpg", painted.picture(0))
    with pytest.raises(DataError, match=r"1.jpg' and '1.png' are two images of the same frame"):
        ImageFiles.in_folder(tmp_path)


def test_empty_folder(tmp_path):
    with pytest.raises(DataError, match="holds no image"):
        ImageFiles.in_folder(tmp_path)


def test_a_folder_that_may_not_be_listed(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # the tests may run as root, whom no permission stops
    with pytest.raises(DataError, match="cannot be listed: permission denied"):
        ImageFiles.in_folder(tmp_path)


def test_a_symbolic_link_to_itself(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(DataError, match="it is a symbolic link that leads back to itself"):
        ImageFiles.in_folder(tmp_path).size  # noqa: B018


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ("all", [0, 1, 2, 3, 4]),
        ("0:3", [0, 1, 2]),
        (":2", [0, 1]),
        ("::2", [0, 2, 4]),
        ("-2:", [3, 4]),
        ("1:5:3", [1, 4]),
        (" 4 ", [4]),
        ([0, 3], [0, 3]),
    ],
)
def test_frames_that_can_be_selected(frames, expected):
    assert select_frames(frames, 5) == expected


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ("0:6", "frames '0:6' is out of range: the clip has 5 frames, numbered from 0 to 4"),
        ("-6:", "frames '-6:' is out of range"),
        ("3:3", "frames '3:3' selects nothing"),
        ("::0", "step 0"),
        ("5", "frame 5 is out of range"),
        ([0, 5], "frame 5 is out of range"),
        ([-1], "frame -1 is out of range"),
        ([3, 1], r"must be increasing, each frame once: \[1, 3\]"),
        ([1, 1], r"must be increasing, each frame once: \[1\]"),
        ([], "empty list"),
        ("some", "neither 'all', a slice"),
        ("0-30", "neither 'all', a slice"),
        ("1:2:3:4", "neither 'all', a slice"),
    ],
)
def test_frames_that_cannot(frames, message):
    with pytest.raises(DataError, match=message):
        select_frames(frames, 5)


@given(
    total=st.integers(1, 12),
    start=st.none() | st.integers(-14, 14),
    stop=st.none() | st.integers(-14, 14),
    step=st.none() | st.integers(1, 4),
)
def test_slices_mean_what_they_mean_in_python(total, start, stop, step):
    text = ":".join("" if part is None else str(part) for part in (start, stop, step))
    try:
        assert select_frames(text, total) == list(range(total))[start:stop:step]
    except DataError:
        beyond = any(bound is not None and abs(bound) > total for bound in (start, stop))
        assert beyond or not list(range(total))[start:stop:step]
