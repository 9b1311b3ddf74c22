"""Reconstructed frames beside the ground truth."""

from typing import Any

import numpy as np

from xinc_lightning.analyses import evenly_spaced
from xinc_lightning.callbacks.base.callback import AnalysisCallback
from xinc_lightning.callbacks.base.context import AnalysisContext
from xinc_lightning.callbacks.base.layer_analysis import require_positive
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.figures import truth_and_reconstruction


class Reconstructions(AnalysisCallback):
    """Ground truth, reconstruction and error of a few frames.

    Args:
        frames: number of frames, evenly spaced over the clip.
        options: cadence and ``strict``, see :class:`~xinc_lightning.callbacks.base.analysis.AnalysisCallback`.
    """

    def __init__(self, frames: int = 3, **options: Any) -> None:
        super().__init__(**options)
        require_positive(self, frames=frames)
        self.frames = frames

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One figure."""
        positions = evenly_spaced(range(len(context.clip)), self.frames)
        truth = np.stack([context.picture(position) for position in positions])
        stored = np.stack([context.reconstructed(p).permute(1, 2, 0).numpy() for p in positions])
        labels = [f"frame {context.clip.indices[p]} · {context.psnr(p):.2f} dB" for p in positions]
        title = f"{context.architecture} · {context.clip.name} · epoch {context.epoch}"
        sink.arrays(
            "reconstructions",
            positions=np.array(positions),
            stored=stored.astype(np.float16),
            truth=truth.astype(np.float16),
            labels=np.array(labels),
        )
        sink.figure("reconstructions", truth_and_reconstruction(truth, stored, labels, title))
