"""What each neuron adds to each pixel: tensors in, tensors out."""

from xinc_lightning.canvas.engine import Canvas, LayerCanvas, TracedCanvas

__all__ = ["Canvas", "LayerCanvas", "TracedCanvas"]
