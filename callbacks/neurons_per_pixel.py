"""Which share of the neurons contributes notably at each pixel (§4.4, Figs 7, 17, 18)."""

from xinc_lightning.analyses import neurons_per_pixel
from xinc_lightning.callbacks.base.context import AnalysisContext
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.figures import contribution_distributions, neurons_per_pixel_maps


class NeuronsPerPixel(FrameAnalysis):
    """Heat maps at the thresholds τ_10 and τ_50, and the distribution from which these are computed.

    See :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis` for the arguments.
    """

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """Two figures of all layers."""
        results = []
        for name in self.layers or context.layers:
            result = neurons_per_pixel(context.statistics(name, self.frame))
            sink.result(result)
            results.append(result)
        picture, title = context.picture(self.frame), context.title("layers", self.frame)
        sink.figure("neurons_per_pixel", neurons_per_pixel_maps(results, picture, title))
        sink.figure("contribution_distribution", contribution_distributions(results, title))
