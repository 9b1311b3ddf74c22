"""At how many pixels each neuron has more than an equal share (§4.4, Figs 6, 15)."""

from xinc_lightning.analyses import pixels_per_neuron
from xinc_lightning.callbacks.base.context import AnalysisContext
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.figures import pixels_per_neuron_curves


class PixelsPerNeuron(FrameAnalysis):
    """Sorted pixel counts of each layer's neurons in one figure, with the number of neurons without contribution.

    See :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis` for the arguments.
    """

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One figure of all layers."""
        results = []
        for name in self.layers or context.layers:
            result = pixels_per_neuron(context.statistics(name, self.frame))
            sink.result(result)
            sink.about_neurons(name, result.neurons, pixels=result.counts)
            results.append(result)
        title = context.title("layers", self.frame)
        sink.figure("pixels_per_neuron", pixels_per_neuron_curves(results, title))
