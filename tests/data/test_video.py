from pathlib import Path

import cv2
import numpy as np
import pytest

from xinc_lightning.data.errors import DataError
from xinc_lightning.data.video import VideoFile


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
