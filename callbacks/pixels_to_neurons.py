"""The strongest neurons at every part of the frame: the data of the page that ``xinc report`` writes."""

from typing import Any

import numpy as np
import torch

from xinc_lightning.analyses import cell_side, instance_partition, pixels_to_neurons
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.data import PanopticClip
from xinc_lightning.data.pixels import to_uint8
from xinc_lightning.errors import UserError


class PixelsToNeurons(FrameAnalysis):
    """The strongest neurons at every part of a frame with their shares and maps, and those that favour a segment.

    Saves arrays and no figure: ``xinc report`` makes a page of them, on which a pixel shows its neurons.
    Neurons whose maps are saved at one epoch are saved at later epochs, too, so that they can be followed; their
    indices are part of a checkpoint.

    Args:
        neurons: number of strongest neurons of each layer to save for each cell, and for each segment.
        cells: maximum number of square cells into which the frame is divided; as many as the frame has pixels
            makes every pixel a cell.
        maps: number of maps of each layer to save, plus up to half as many for neurons of earlier epochs.
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
                f"PixelsToNeurons: neurons and cells must be at least 1 and maps at least 0, "
                f"got {neurons}, {cells} and {maps}."
            )
        self.neurons = neurons
        self.cells = cells
        self.maps = maps
        self._kept: dict[str, list[int]] = {}

    def state_dict(self) -> dict[str, Any]:
        """Neurons whose maps were saved at the latest analysed epoch, by layer."""
        return {"kept": {name: torch.tensor(neurons) for name, neurons in self._kept.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the neurons whose maps are saved."""
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
        """Arrays for each layer, and for the frame."""
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
            "frame": to_uint8(clip.frames[self.frame]),
            "reconstruction": to_uint8(context.reconstructed(self.frame)),
            "number": np.array(clip.indices[self.frame]),
            "psnr": np.array(context.psnr(self.frame)),
            "clip": np.array(clip.name),
            "architecture": np.array(context.architecture),
            "labels": labels.cpu().numpy().astype(np.int32),
            "segments": np.array([segment.name for segment in segments], dtype=np.str_),
            "things": np.array([segment.isthing for segment in segments], dtype=bool),
        }
