"""At how many pixels each neuron has more than an equal share (§4.4, Figs 6, 15)."""

from xinc_lightning.analyses import pixels_per_neuron
from xinc_lightning.callbacks.base.context import Moment
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.figures import pixels_per_neuron_curves


class PixelsPerNeuron(FrameAnalysis):
    """The layers' sorted counts in one figure, with the number of dead neurons.

    See :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis` for the arguments.
    """

    def analyse(self, moment: Moment, sink: Sink) -> None:
        """One figure of all layers."""
        results = []
        for name in self.layers or moment.layers:
            result = pixels_per_neuron(*moment.statistics(name, self.frame))
            sink.scalars(f"xinc/{name}/pixels_per_neuron", result.scalars())
            sink.arrays(f"pixels_per_neuron/{name}", **result.arrays())
            sink.about_neurons(name, result.neurons, pixels=result.counts)
            results.append(result)
        title = moment.title("layers", self.frame)
        sink.figure("pixels_per_neuron", pixels_per_neuron_curves(results, title))
