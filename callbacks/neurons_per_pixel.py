"""Which share of the neurons contributes notably at each pixel (§4.4, Figs 7, 17, 18)."""

from xinc_lightning.analyses import neurons_per_pixel
from xinc_lightning.callbacks.base.context import Moment
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.figures import contribution_distributions, neurons_per_pixel_maps


class NeuronsPerPixel(FrameAnalysis):
    """Heat maps at the thresholds τ_10 and τ_50, and the distribution from which these are taken.

    See :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis` for the arguments.
    """

    def analyse(self, moment: Moment, sink: Sink) -> None:
        """Two figures of all layers."""
        results = []
        for name in self.layers or moment.layers:
            result = neurons_per_pixel(*moment.statistics(name, self.frame))
            sink.scalars(f"xinc/{name}/neurons_per_pixel", result.scalars())
            sink.arrays(f"neurons_per_pixel/{name}", **result.arrays())
            results.append(result)
        picture, title = moment.picture(self.frame), moment.title("layers", self.frame)
        sink.figure("neurons_per_pixel", neurons_per_pixel_maps(results, picture, title))
        sink.figure("contribution_distribution", contribution_distributions(results, title))
