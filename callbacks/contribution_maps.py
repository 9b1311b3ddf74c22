"""What sampled neurons paint, layer by layer (§4.2, Figs 1, 3, 11)."""

from typing import Any

from xinc_lightning.analyses import contribution_maps, sample_neurons
from xinc_lightning.callbacks.layer_analysis import FrameAnalysis
from xinc_lightning.callbacks.moment import Moment
from xinc_lightning.callbacks.sinks import Sink
from xinc_lightning.figures import contact_sheet


class ContributionMaps(FrameAnalysis):
    """A contact sheet of contribution maps for each layer.

    Args:
        neurons: how many neurons of each layer to draw at random, or which.
        seed: of the draw, so that every checkpoint shows the same neurons.
        options: layers, frame, cadence and ``strict``, see
            :class:`~xinc_lightning.callbacks.layer_analysis.FrameAnalysis`.
    """

    def __init__(
        self,
        neurons: int | list[int] = 12,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.neurons = neurons
        self.seed = seed

    def analyse(self, moment: Moment, sink: Sink) -> None:
        """One sheet a layer."""
        picture = moment.picture(self.frame)
        for name in self.layers or moment.layers:
            layer, _ = moment.canvas(name, self.frame)
            statistics, frame = moment.statistics(name, self.frame)
            chosen = self.neurons
            if isinstance(chosen, int):
                chosen = sample_neurons(layer.neurons, chosen, self.seed)
            result = contribution_maps(layer, statistics, chosen, frame)
            sink.scalars(f"xinc/{name}/maps", result.scalars())
            sink.arrays(f"maps/{name}", **result.arrays())
            sink.figure(f"maps/{name}", contact_sheet(result, picture, moment.title(name, self.frame)))
