"""What sampled neurons paint, layer by layer (§4.2, Figs 1, 3, 11)."""

from xinc_lightning.analyses import contribution_maps, sample_neurons
from xinc_lightning.callbacks.base import AnalysisCallback, Moment, Needs
from xinc_lightning.callbacks.sinks import Sink
from xinc_lightning.data import PanopticClip
from xinc_lightning.figures import contact_sheet


class ContributionMaps(AnalysisCallback):
    """A contact sheet of contribution maps for each layer.

    Args:
        neurons: how many neurons of each layer to draw at random, or which.
        layers: names of the layers, all of them unless given.
        frame: position of the frame in the clip.
        seed: of the draw, so that every checkpoint shows the same neurons.
        every_n_epochs: see :class:`~xinc_lightning.callbacks.base.AnalysisCallback`.
    """

    def __init__(
        self,
        neurons: int | list[int] = 12,
        layers: list[str] | None = None,
        frame: int = 0,
        seed: int = 0,
        every_n_epochs: int = 100,
    ) -> None:
        super().__init__(every_n_epochs)
        self.neurons = neurons
        self.layers = layers
        self.frame = frame
        self.seed = seed

    def needs(self, clip: PanopticClip) -> Needs:
        """The frame."""
        return Needs((self.frame,))

    def analyse(self, moment: Moment, sink: Sink) -> None:
        """One sheet a layer."""
        picture = moment.clip.frames[self.frame].permute(1, 2, 0).cpu().numpy()
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
