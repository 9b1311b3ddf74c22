"""What predict writes plays as fast as the source, with every row and column."""

from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch

from xinc_lightning.callbacks import FrameWriter
from xinc_lightning.data import ClipDataModule, encode_mp4


@pytest.mark.parametrize(
    ("frames", "fps", "expected"), [("all", None, 10), ("::2", None, 5), ("all", 24.0, 24)]
)
def test_video_has_the_frame_rate_of_its_source(tmp_path, frames, fps, expected, capsys):
    pictures = np.random.default_rng(0).integers(0, 255, (6, 33, 45, 3), np.uint8)
    (tmp_path / "source.mp4").write_bytes(encode_mp4(pictures, 10))
    data = ClipDataModule(str(tmp_path / "source.mp4"), frames, resize=(17, 23))
    trainer = SimpleNamespace(
        is_global_zero=True, fast_dev_run=False, default_root_dir=str(tmp_path / "run"), datamodule=data
    )
    FrameWriter(fps).write_on_epoch_end(trainer, None, [torch.rand(len(data.clip), 3, 17, 23)], [])
    assert "clip.mp4 are in" in capsys.readouterr().out
    with av.open(str(tmp_path / "run" / "frames" / "clip.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.height, stream.width, float(stream.average_rate)) == (18, 24, expected)


def test_images_become_a_video_of_25_fps(tiny_clip, tmp_path):
    data = ClipDataModule(str(tiny_clip), "all", resize=None)
    trainer = SimpleNamespace(
        is_global_zero=True, fast_dev_run=False, default_root_dir=str(tmp_path / "run"), datamodule=data
    )
    FrameWriter().write_on_epoch_end(trainer, None, [data.clip.frames], [])
    with av.open(str(tmp_path / "run" / "frames" / "clip.mp4")) as file:
        assert file.streams.video[0].average_rate == 25
