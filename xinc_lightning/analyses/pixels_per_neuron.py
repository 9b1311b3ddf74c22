"""At how many pixels each neuron has more than an equal share (§4.4, Figs 6, 15)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xinc_lightning.analyses.result import Result
from xinc_lightning.canvas import FrameStatistics


@dataclass(frozen=True)
class PixelsPerNeuronResult(Result):
    """At how many pixels each neuron of a layer has more than an equal share (Figs 6, 15).

    Attributes:
        neurons: [neurons] their indices.
        counts: [neurons] pixels at which |c| / Σ|c| exceeds 1 / N.
        dead: [neurons] whether a neuron has no contribution.
        pixels: of the frame.
    """

    analysis = "pixels_per_neuron"
    neurons: Int[np.ndarray, " neurons"]
    counts: Int[np.ndarray, " neurons"]
    dead: Bool[np.ndarray, " neurons"]
    pixels: int

    def curve(self, points: int) -> Float[np.ndarray, " points"]:
        """The sorted counts resampled linearly to a common length, so that layers can be compared."""
        ranks = np.linspace(0, len(self.counts) - 1, points)
        curve: np.ndarray = np.interp(ranks, np.arange(len(self.counts)), np.sort(self.counts))
        return curve

    def scalars(self) -> dict[str, float]:
        """Median share of the frame per neuron, neurons without a pixel, and those without contribution.

        ``dead_fraction``, the paper's word for these, goes with version 0.3.
        """
        return {
            "median_share": float(np.median(self.counts)) / self.pixels,
            "without_pixels": float((self.counts == 0).mean()),
            "no_contribution": float(self.dead.mean()),
            "dead_fraction": float(self.dead.mean()),
        }


def pixels_per_neuron(statistics: FrameStatistics) -> PixelsPerNeuronResult:
    """Count the pixels of each neuron.

    Args:
        statistics: the layer's reductions at one frame.
    """
    return PixelsPerNeuronResult(
        layer=statistics.layer,
        neurons=statistics.neurons.cpu().numpy(),
        counts=statistics.pixels_per_neuron.cpu().numpy(),
        dead=(statistics.absolute_sum == 0).cpu().numpy(),
        pixels=statistics.pixel_sums.numel(),
    )
