"""Whether neurons contribute most where a frame is bright, or where it has edges (§4.3, Fig 5)."""

from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from jaxtyping import Float
from torch import Tensor

from xinc_lightning.analyses.result import Result
from xinc_lightning.analyses.scaling import min_max_scaled
from xinc_lightning.canvas import FrameStatistics


@dataclass(frozen=True)
class ContributionVsIntensityResult(Result):
    """A layer's Σ|c| beside the frame's intensity and edges, each min-max normalised over the frame.

    Attributes:
        contribution: [height, width] Σ|c| over the neurons.
        intensity: [height, width] sum of the colour channels.
        edges: [height, width] Sobel magnitude of the intensity.
        intensity_correlation: Pearson's r of contribution and intensity; NaN if one is the same everywhere.
        edge_correlation: Pearson's r of contribution and edges; likewise.
    """

    analysis = "intensity"
    contribution: Float[np.ndarray, "height width"]
    intensity: Float[np.ndarray, "height width"]
    edges: Float[np.ndarray, "height width"]
    intensity_correlation: float
    edge_correlation: float

    @property
    def difference(self) -> Float[np.ndarray, "height width"]:
        """Contribution minus intensity, in [−1, 1]."""
        difference: np.ndarray = self.contribution - self.intensity
        return difference

    def scalars(self) -> dict[str, float]:
        """Both correlations, if they are defined."""
        both = {
            "intensity_correlation": self.intensity_correlation,
            "edge_correlation": self.edge_correlation,
        }
        return {name: r for name, r in both.items() if not isnan(r)}


def contribution_vs_intensity(
    statistics: FrameStatistics, picture: Float[Tensor, "3 height width"]
) -> ContributionVsIntensityResult:
    """Compare where a layer contributes with where a frame is bright and where it has edges.

    Args:
        statistics: the layer's reductions at one frame.
        picture: the frame, in any range.
    """
    from skimage.filters import sobel

    contribution = min_max_scaled(statistics.pixel_sums.double().cpu().numpy())
    intensity = min_max_scaled(picture.sum(0).double().cpu().numpy())
    edges = min_max_scaled(sobel(intensity))  # type: ignore[no-untyped-call]
    return ContributionVsIntensityResult(
        layer=statistics.layer,
        contribution=contribution,
        intensity=intensity,
        edges=edges,
        intensity_correlation=correlation(contribution, intensity),
        edge_correlation=correlation(contribution, edges),
    )


def correlation(one: Float[np.ndarray, "height width"], other: Float[np.ndarray, "height width"]) -> float:
    """Pearson's r over the pixels; NaN if either image is the same everywhere."""
    if not (np.ptp(one) and np.ptp(other)):
        return nan
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
