"""Frames as the network stores them: next to the truth while it trains, as files from ``predict``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

from xinc_lightning.analyses import evenly_spaced
from xinc_lightning.callbacks.base import AnalysisCallback
from xinc_lightning.callbacks.layer_analysis import require_positive
from xinc_lightning.callbacks.moment import Moment
from xinc_lightning.callbacks.sinks import Sink
from xinc_lightning.data import write_video
from xinc_lightning.figures import comparison


class Reconstructions(AnalysisCallback):
    """Ground truth, reconstruction and error of a few frames.

    Args:
        frames: how many frames, evenly spaced over the clip.
        options: cadence and ``strict``, see :class:`~xinc_lightning.callbacks.base.AnalysisCallback`.
    """

    def __init__(self, frames: int = 3, **options: Any) -> None:
        super().__init__(**options)
        require_positive(self, frames=frames)
        self.frames = frames

    def analyse(self, moment: Moment, sink: Sink) -> None:
        """One figure."""
        positions = evenly_spaced(range(len(moment.clip)), self.frames)
        truth = np.stack([moment.picture(position) for position in positions])
        stored = moment.reconstruction[positions].permute(0, 2, 3, 1).numpy()
        labels = [f"frame {moment.clip.indices[p]} · {moment.psnr(p):.2f} dB" for p in positions]
        title = f"{moment.architecture} · {moment.clip.name} · epoch {moment.epoch}"
        sink.arrays(
            "reconstructions",
            positions=np.array(positions),
            stored=stored.astype(np.float16),
            truth=truth.astype(np.float16),
            labels=np.array(labels),
        )
        sink.figure("reconstructions", comparison(truth, stored, labels, title))


class FrameWriter(BasePredictionWriter):
    """Writes what ``predict`` reconstructs to ``<run>/frames``: one PNG a frame, and ``clip.mp4``.

    Args:
        fps: frames a second of the video.
    """

    def __init__(self, fps: float = 25.0) -> None:
        super().__init__(write_interval="epoch")
        self.fps = fps

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        predictions: Sequence[Any],
        batch_indices: Sequence[Any],
    ) -> None:
        """Write the frames there are; every process has them, the first writes. A ``fast_dev_run`` leaves nothing."""
        if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        frames = np.concatenate([to_uint8(batch) for batch in predictions])
        folder = Path(trainer.default_root_dir) / "frames"
        indices = trainer.datamodule.clip.indices[: len(frames)]  # type: ignore[attr-defined]
        write_video(folder, frames, indices, self.fps)
        print(f"{len(frames)} frames and clip.mp4 are in {folder}")


def to_uint8(frames: Tensor) -> np.ndarray:
    """[frames, 3, height, width] in [0, 1] as [frames, height, width, 3] bytes."""
    pixels: np.ndarray = (frames * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels
