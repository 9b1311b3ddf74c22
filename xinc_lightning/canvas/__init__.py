"""What each neuron adds to each pixel: tensors in, tensors out."""

from xinc_lightning.canvas.engine import Canvas, LayerCanvas, TracedCanvas
from xinc_lightning.canvas.statistics import LayerStatistics
from xinc_lightning.canvas.strongest import Strongest

__all__ = ["Canvas", "LayerCanvas", "LayerStatistics", "Strongest", "TracedCanvas"]
