"""Contribution maps, what each neuron adds to each pixel, and their reductions: tensors in, tensors out."""

from xinc_lightning.canvas.changes import Changes
from xinc_lightning.canvas.engine import Canvas, TracedCanvas
from xinc_lightning.canvas.layer_canvas import FrameCanvas, LayerCanvas
from xinc_lightning.canvas.options import CanvasOptions
from xinc_lightning.canvas.statistics import FrameStatistics, LayerStatistics
from xinc_lightning.canvas.strongest import Strongest

__all__ = [
    "Canvas",
    "CanvasOptions",
    "Changes",
    "FrameCanvas",
    "FrameStatistics",
    "LayerCanvas",
    "LayerStatistics",
    "Strongest",
    "TracedCanvas",
]
