"""Which share of the neurons contributes notably at each pixel, and the distribution of |c| (§4.4, Figs 7, 17, 18)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from xinc_lightning.analyses.result import Result
from xinc_lightning.canvas import FrameStatistics


@dataclass(frozen=True)
class NeuronsPerPixelResult(Result):
    """Which share of a layer's neurons contributes notably at each pixel (Figs 7, 17), and Fig 18.

    Attributes:
        neurons: number of analysed neurons of the layer.
        thresholds: the fractions x.
        tau: [thresholds] τ_x: contributions |c| ≤ τ_x hold the fraction x of the layer's Σ|c|.
        share: [thresholds, height, width] share of the neurons with |c| > τ_x.
        effective: [height, width] effective number of neurons, the exponential of the entropy of their shares.
        curve: [points] |c| at evenly spaced ranks, smallest first.
    """

    analysis = "neurons_per_pixel"
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


def neurons_per_pixel(statistics: FrameStatistics) -> NeuronsPerPixelResult:
    """Count the neurons of each pixel, at the thresholds of the statistics.

    Args:
        statistics: the layer's reductions at one frame.
    """
    neurons = len(statistics.neurons)
    return NeuronsPerPixelResult(
        layer=statistics.layer,
        neurons=neurons,
        thresholds=statistics.thresholds,
        tau=statistics.tau.cpu().numpy(),
        share=(statistics.neurons_above.double() / neurons).cpu().numpy(),
        effective=statistics.effective_neurons.cpu().numpy(),
        curve=statistics.curve.cpu().numpy(),
    )
