"""How a layer's neurons share the pixels: pixels per neuron, neurons per pixel, sizes of |c| (§4.4)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xinc_lightning.analyses.result import Result
from xinc_lightning.canvas import LayerStatistics


@dataclass(frozen=True)
class PixelsPerNeuronResult(Result):
    """At how many pixels each neuron of a layer has more than an equal share (Figs 6, 15).

    Attributes:
        layer: name of the layer.
        neurons: [neurons] their indices.
        counts: [neurons] pixels at which |c| / Σ|c| exceeds 1 / N.
        dead: [neurons] whether a neuron contributes nothing at all.
        pixels: of the frame.
    """

    layer: str
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
        """Median share of the frame per neuron, neurons without a pixel, and the dead among them."""
        return {
            "median_share": float(np.median(self.counts)) / self.pixels,
            "without_pixels": float((self.counts == 0).mean()),
            "dead_fraction": float(self.dead.mean()),
        }


@dataclass(frozen=True)
class NeuronsPerPixelResult(Result):
    """Which share of a layer's neurons contributes notably at each pixel (Figs 7, 17), and Fig 18.

    Attributes:
        layer: name of the layer.
        neurons: how many the layer has, or how many of them were analysed.
        thresholds: the fractions x.
        tau: [thresholds] τ_x: contributions |c| ≤ τ_x hold the fraction x of the layer's Σ|c|.
        share: [thresholds, height, width] share of the neurons with |c| > τ_x.
        effective: [height, width] effective number of neurons, the exponential of the entropy of their shares.
        curve: [points] |c| at evenly spaced ranks, smallest first.
    """

    layer: str
    neurons: int
    thresholds: tuple[float, ...]
    tau: Float[np.ndarray, " thresholds"]
    share: Float[np.ndarray, "thresholds height width"]
    effective: Float[np.ndarray, "height width"]
    curve: Float[np.ndarray, " points"]

    def rank(self, threshold: int) -> float:
        """Share of the layer's |c| that do not exceed a threshold."""
        return 1 - float(self.share[threshold].mean())

    def scalars(self) -> dict[str, float]:
        """Thresholds, mean shares above them, and the effective number of neurons, also as a share."""
        scalars = {
            "effective_neurons": float(self.effective.mean()),
            "effective_share": float(self.effective.mean()) / self.neurons,
        }
        for x, tau, share in zip(self.thresholds, self.tau, self.share, strict=True):
            scalars |= {f"tau_{x * 100:g}": float(tau), f"share_above_tau_{x * 100:g}": float(share.mean())}
        return scalars


def pixels_per_neuron(statistics: LayerStatistics, frame: int = 0) -> PixelsPerNeuronResult:
    """Count the pixels of each neuron.

    Args:
        statistics: the layer's reductions.
        frame: which of the canvas's frames.
    """
    return PixelsPerNeuronResult(
        layer=statistics.layer,
        neurons=statistics.neurons.cpu().numpy(),
        counts=statistics.pixels_per_neuron[:, frame].cpu().numpy(),
        dead=(statistics.absolute_sum[:, frame] == 0).cpu().numpy(),
        pixels=statistics.pixel_sums[frame].numel(),
    )


def neurons_per_pixel(statistics: LayerStatistics, frame: int = 0) -> NeuronsPerPixelResult:
    """Count the neurons of each pixel, at the thresholds that the statistics have.

    Args:
        statistics: the layer's reductions.
        frame: which of the canvas's frames.
    """
    neurons = len(statistics.neurons)
    return NeuronsPerPixelResult(
        layer=statistics.layer,
        neurons=neurons,
        thresholds=statistics.thresholds,
        tau=statistics.tau[:, frame].cpu().numpy(),
        share=(statistics.neurons_above[:, frame].double() / neurons).cpu().numpy(),
        effective=statistics.effective_neurons[frame].cpu().numpy(),
        curve=statistics.curve[frame].cpu().numpy(),
    )
