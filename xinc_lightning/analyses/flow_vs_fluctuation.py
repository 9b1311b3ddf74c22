"""Whether contributions change where the frame moves (§4.5, Fig 9)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xinc_lightning.analyses.result import Result

SLOWEST = 0.1
"""Speed in pixels per frame below which nothing counts as moving: noise of optical flow in a still image."""


@dataclass(frozen=True)
class FlowVsFluctuationResult(Result):
    """Fluctuation of one layer beside the optical flow, at several time steps.

    Attributes:
        neurons: number of its neurons that were analysed.
        total_neurons: number of its neurons.
        frames: [steps] number in the source of the later frame of each pair.
        moving: [steps, height, width] pixels that count as moving.
        fluctuation: [steps, height, width] Σ||c_t| − |c_{t−1}|| over the neurons.
        spearman: [steps] rank correlation of fluctuation and flow magnitude; NaN if either is constant
            or fluctuation is not finite.
        auc: [steps] area under the ROC curve of fluctuation as a detector of moving pixels: the chance that
            it is larger at a moving pixel than at a still one; NaN if there are no two kinds of pixels, or
            fluctuation is not finite.
        sampled: [neurons] indices of the analysed neurons; None in results saved before 0.2.
    """

    analysis = "flow_vs_fluctuation"
    neurons: int
    total_neurons: int
    frames: Int[np.ndarray, " steps"]
    moving: Bool[np.ndarray, "steps height width"]
    fluctuation: Float[np.ndarray, "steps height width"]
    spearman: Float[np.ndarray, " steps"]
    auc: Float[np.ndarray, " steps"]
    sampled: Int[np.ndarray, " neurons"] | None = None

    def scalars(self) -> dict[str, float]:
        """Spearman correlation and AUC, averaged over the time steps at which they are defined."""
        measures = {"spearman": self.spearman, "auc": self.auc}
        return {name: float(np.nanmean(m)) for name, m in measures.items() if not np.isnan(m).all()}

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays needed, besides the flow, to redraw the figure; fluctuation as float32."""
        return {**super().arrays(), "fluctuation": self.fluctuation.astype(np.float32)}


def flow_vs_fluctuation(
    layer: str,
    fluctuation: Float[np.ndarray, "steps height width"],
    flow: Float[np.ndarray, "steps 2 height width"],
    frames: Int[np.ndarray, " steps"],
    neurons: Sequence[int],
    total_neurons: int,
) -> FlowVsFluctuationResult:
    """Compare fluctuation and motion pixel by pixel.

    Args:
        layer: name of the layer.
        fluctuation: Σ||c_t| − |c_{t−1}|| over the neurons.
        flow: motion in pixels, right and down, from each frame t−1 to t.
        frames: number of each frame t in the source.
        neurons: indices of the neurons in the sum.
        total_neurons: number of neurons of the layer.
    """
    speed = np.linalg.norm(flow, axis=1)
    moving = np.stack([moving_pixels(picture) for picture in speed])
    return FlowVsFluctuationResult(
        layer=layer,
        neurons=len(neurons),
        total_neurons=total_neurons,
        frames=frames,
        moving=moving,
        fluctuation=fluctuation,
        spearman=np.array([_spearman(*pair) for pair in zip(fluctuation, speed, strict=True)]),
        auc=np.array([_auc(*pair) for pair in zip(fluctuation, moving, strict=True)]),
        sampled=np.asarray(neurons),
    )


def moving_pixels(speed: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels that move relative to the rest: faster than Otsu's threshold, and than the noise of the flow.

    Otsu's threshold, which best divides the speeds into two classes, adapts to the speed of a clip and to a panning
    camera: a slowly drifting background does not count as moving beside a fast object.
    """
    from skimage.filters import threshold_otsu

    threshold = float(threshold_otsu(speed))  # type: ignore[no-untyped-call]
    moving: np.ndarray = speed > max(threshold, SLOWEST)
    return moving


def _spearman(one: Float[np.ndarray, "height width"], other: Float[np.ndarray, "height width"]) -> float:
    from scipy.stats import spearmanr

    if not np.isfinite(one).all() or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(spearmanr(one, other, axis=None).statistic)


def _auc(score: Float[np.ndarray, "height width"], truth: Bool[np.ndarray, "height width"]) -> float:
    from sklearn.metrics import roc_auc_score

    if truth.all() or not truth.any() or not np.isfinite(score).all():
        return float("nan")
    return float(roc_auc_score(truth.ravel(), score.ravel()))
