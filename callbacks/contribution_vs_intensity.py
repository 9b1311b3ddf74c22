"""Where layers contribute, beside where the frame is bright and where it has edges (§4.3, Fig 5)."""

from xinc_lightning.analyses import contribution_vs_intensity
from xinc_lightning.callbacks.base import AnalysisCallback, Moment, Needs
from xinc_lightning.callbacks.sinks import Sink
from xinc_lightning.data import PanopticClip
from xinc_lightning.figures import contributions_vs_intensity


class ContributionVsIntensity(AnalysisCallback):
    """Each layer's Σ|c| against intensity and Sobel edges, with correlations.

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
        picture = moment.clip.frames[self.frame].cpu()
        results = []
        for name in self.layers or moment.layers:
            result = contribution_vs_intensity(*moment.statistics(name, self.frame), picture)
            sink.scalars(f"xinc/{name}/intensity", result.scalars())
            sink.arrays(f"intensity/{name}", **result.arrays())
            results.append(result)
        title = moment.title("layers", self.frame)
        sink.figure("intensity", contributions_vs_intensity(results, picture.permute(1, 2, 0).numpy(), title))
