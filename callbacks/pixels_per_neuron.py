"""At how many pixels each neuron has more than an equal share (§4.4, Figs 6, 15)."""

from xinc_lightning.analyses import pixels_per_neuron
from xinc_lightning.callbacks.base import AnalysisCallback, Moment, Needs
from xinc_lightning.callbacks.sinks import Sink
from xinc_lightning.data import PanopticClip
from xinc_lightning.figures import pixels_per_neuron_curves


class PixelsPerNeuron(AnalysisCallback):
    """The layers' sorted counts in one figure, with the number of dead neurons.

    Args:
        layers: names of the layers, all of them unless given.
        frame: position of the frame in the clip.
        every_n_epochs: see :class:`~xinc_lightning.callbacks.base.AnalysisCallback`.
    """

    def __init__(self, layers: list[str] | None = None, frame: int = 0, every_n_epochs: int = 100) -> None:
        super().__init__(every_n_epochs)
        self.layers = layers
        self.frame = frame

    def needs(self, clip: PanopticClip) -> Needs:
        """The frame."""
        return Needs((self.frame,))

    def analyse(self, moment: Moment, sink: Sink) -> None:
        """One figure of all layers."""
        results = []
        for name in self.layers or moment.layers:
            result = pixels_per_neuron(*moment.statistics(name, self.frame))
            sink.scalars(f"xinc/{name}/pixels_per_neuron", result.scalars())
            sink.arrays(f"pixels_per_neuron/{name}", **result.arrays())
            results.append(result)
        title = moment.title("layers", self.frame)
        sink.figure("pixels_per_neuron", pixels_per_neuron_curves(results, title))
