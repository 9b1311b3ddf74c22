"""Which neurons paint which part of the frame: the tables behind the page that ``xinc report`` writes."""

from typing import Any

import numpy as np
import torch

from xinc_lightning.analyses import cell_side, instance_partition, pixels_to_neurons
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.data import PanopticClip
from xinc_lightning.errors import UserError


class PixelsToNeurons(FrameAnalysis):
    """The strongest neurons of every part of a frame with their shares and maps, and each segment's favourites.

    Makes numbers and no figure: ``xinc report`` makes a page of them, on which a pixel leads to its neurons.
    Neurons whose maps were kept at one checkpoint stay among the kept at later ones, so that they can be
    followed; which they are is part of a training checkpoint.

    Args:
        neurons: the strongest of each layer at each cell, and of each segment.
        cells: how many square cells the frame is divided into at most; a number as large as the frame's pixels
            takes every pixel by itself.
        maps: maps to keep of each layer, and up to half as many of earlier checkpoints' neurons.
        options: layers, frame, cadence and ``strict``, see
            :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis`.

    Raises:
        UserError: if ``neurons`` or ``cells`` is less than 1, or ``maps`` negative.
    """

    def __init__(
        self,
        neurons: int = 8,
        cells: int = 2048,
        maps: int = 224,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if neurons < 1 or cells < 1 or maps < 0:
            raise UserError(
                f"neurons={neurons}, cells={cells}, maps={maps}: neurons and cells are 1 or more, maps 0 or more."
            )
        self.neurons = neurons
        self.cells = cells
        self.maps = maps
        self._kept: dict[str, list[int]] = {}

    def state_dict(self) -> dict[str, Any]:
        """Neurons whose maps were kept at the latest analysed checkpoint, by layer."""
        return {"kept": {name: torch.tensor(neurons) for name, neurons in self._kept.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self._kept = {name: neurons.tolist() for name, neurons in state_dict["kept"].items()}

    def needs(self, clip: PanopticClip) -> Needs:
        """The frame, and its segments if it is annotated."""
        mask = clip.masks[self.frame]
        if mask is None:
            return Needs((self.frame,))
        return Needs((self.frame,), {self._segments: instance_partition(mask, clip.segments)})

    @property
    def _segments(self) -> str:
        return f"segments of frame {self.frame}"

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """A table for each layer, and what the frame shows."""
        clip = context.clip
        annotated = clip.masks[self.frame] is not None
        cell = cell_side(clip.height, clip.width, self.cells)
        names = self.layers or context.layers
        for name in names:
            layer = context.canvas(name, self.frame)
            statistics = context.statistics(name, self.frame)
            result = pixels_to_neurons(
                layer,
                statistics,
                cell,
                self.neurons,
                self.maps,
                self._kept.get(name, ()),
                self._segments if annotated else None,
            )
            self._kept[name] = result.kept.tolist()
            sink.result(result)
        sink.arrays("pixels_to_neurons/frame", layers=np.array(names), **self._frame(context))

    def _frame(self, context: AnalysisContext) -> dict[str, np.ndarray]:
        """Truth, reconstruction and segments."""
        clip, mask = context.clip, context.clip.masks[self.frame]
        labels = torch.zeros(0) if mask is None else instance_partition(mask, clip.segments)
        segments = clip.segments if mask is not None else ()
        return {
            "frame": _bytes(clip.frames[self.frame]),
            "reconstruction": _bytes(context.reconstruction[self.frame]),
            "number": np.array(clip.indices[self.frame]),
            "psnr": np.array(context.psnr(self.frame)),
            "clip": np.array(clip.name),
            "architecture": np.array(context.architecture),
            "labels": labels.cpu().numpy().astype(np.int32),
            "segments": np.array([segment.name for segment in segments], dtype=np.str_),
            "things": np.array([segment.isthing for segment in segments], dtype=bool),
        }


def _bytes(picture: torch.Tensor) -> np.ndarray:
    """[3, height, width] in [0, 1] as [height, width, 3] bytes."""
    pixels: np.ndarray = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return pixels
