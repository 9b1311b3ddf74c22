"""Which share of the neurons contributes notably at each pixel (§4.4, Figs 7, 17, 18)."""

from xinc_lightning.analyses import neurons_per_pixel
from xinc_lightning.callbacks.base import AnalysisCallback, Moment, Needs
from xinc_lightning.callbacks.sinks import Sink
from xinc_lightning.data import PanopticClip
from xinc_lightning.figures import contribution_distributions, neurons_per_pixel_maps


class NeuronsPerPixel(AnalysisCallback):
    """Heat maps at the thresholds τ_10 and τ_50, and the distribution from which these are taken.

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
        """Two figures of all layers."""
        results = []
        for name in self.layers or moment.layers:
            result = neurons_per_pixel(*moment.statistics(name, self.frame))
            sink.scalars(f"xinc/{name}/neurons_per_pixel", result.scalars())
            sink.arrays(f"neurons_per_pixel/{name}", **result.arrays())
            results.append(result)
        picture = moment.clip.frames[self.frame].permute(1, 2, 0).cpu().numpy()
        title = moment.title("layers", self.frame)
        sink.figure("neurons_per_pixel", neurons_per_pixel_maps(results, picture, title))
        sink.figure("contribution_distribution", contribution_distributions(results, title))
