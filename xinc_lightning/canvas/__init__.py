"""What each neuron adds to each pixel: tensors in, tensors out."""

from xinc_lightning.canvas.engine import Canvas, LayerCanvas, TracedCanvas
from xinc_lightning.canvas.statistics import LayerStatistics

__all__ = ["Canvas", "LayerCanvas", "LayerStatistics", "TracedCanvas"]
