"""Contribution of each layer compared with the frame's intensity and edges (§4.3, Fig 5)."""

from xinc_lightning.analyses import contribution_vs_intensity
from xinc_lightning.callbacks.base.context import AnalysisContext
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.figures import contributions_vs_intensity


class ContributionVsIntensity(FrameAnalysis):
    """Each layer's Σ|c| against intensity and Sobel edges, with correlations.

    See :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis` for the arguments.
    """

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One figure of all layers."""
        picture = context.clip.frames[self.frame].cpu()
        results = []
        for name in self.layers or context.layers:
            result = contribution_vs_intensity(context.statistics(name, self.frame), picture)
            sink.result(result)
            results.append(result)
        title = context.title("layers", self.frame)
        sink.figure("intensity", contributions_vs_intensity(results, context.picture(self.frame), title))
