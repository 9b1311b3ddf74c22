"""Contribution maps, what each neuron adds to each pixel, effects of taking it out, and reductions of both."""

from xinc_lightning.canvas.changes import Changes
from xinc_lightning.canvas.effects import Ablation, EffectSums, EffectTerms
from xinc_lightning.canvas.engine import Canvas, TracedCanvas
from xinc_lightning.canvas.layer_canvas import FrameCanvas, LayerCanvas
from xinc_lightning.canvas.options import CanvasOptions, Maps
from xinc_lightning.canvas.pixel import contributions_at
from xinc_lightning.canvas.removal import picture_without
from xinc_lightning.canvas.statistics import FrameStatistics, LayerStatistics
from xinc_lightning.canvas.strongest import Strongest

__all__ = [
    "Ablation",
    "Canvas",
    "CanvasOptions",
    "Changes",
    "EffectSums",
    "EffectTerms",
    "FrameCanvas",
    "FrameStatistics",
    "LayerCanvas",
    "LayerStatistics",
    "Maps",
    "Strongest",
    "TracedCanvas",
    "contributions_at",
    "picture_without",
]
