"""Writes the frames that ``predict`` reconstructs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter

from xinc_lightning.data import clip_of, encode_mp4, encode_png
from xinc_lightning.data.pixels import to_uint8
from xinc_lightning.runs.atomic import one_sentence, save, whole_folder
from xinc_lightning.runs.layout import FRAMES

STILLS_A_SECOND = 25.0
"""Frame rate of the video where the source has none."""


class FrameWriter(BasePredictionWriter):
    """Writes the frames that ``predict`` reconstructs to ``<run>/frames``: one PNG per frame, and ``clip.mp4``.

    Args:
        fps: frames per second of the video; by default those of the source, or 25 if it has no frame rate.
    """

    def __init__(self, fps: float | None = None) -> None:
        super().__init__(write_interval="epoch")
        self.fps = fps

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        predictions: Sequence[Any],
        batch_indices: Sequence[Any],
    ) -> None:
        """Write the predicted frames, on rank 0 only; a ``fast_dev_run`` writes nothing.

        Raises:
            OutputError: if they cannot be written; all pictures are there, or none.
            DataError: if the video cannot be encoded; the pictures are there nevertheless.
        """
        if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        frames = np.concatenate([to_uint8(batch) for batch in predictions])
        folder = Path(trainer.default_root_dir) / FRAMES
        clip = clip_of(trainer)
        with one_sentence(folder), whole_folder(folder) as unfinished:
            for index, frame in zip(clip.indices[: len(frames)], frames, strict=True):
                (unfinished / f"{index:05d}.png").write_bytes(encode_png(frame))
        save(folder / "clip.mp4", encode_mp4(frames, self.fps or clip.fps or STILLS_A_SECOND))
        print(f"{len(frames)} frames and clip.mp4 are in {folder}")
