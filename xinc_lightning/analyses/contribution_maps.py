"""Contribution maps of chosen neurons (§4.2, Figs 1, 3, 11)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xinc_lightning.analyses.result import Result
from xinc_lightning.analyses.sampling import neuron_label
from xinc_lightning.canvas import FrameCanvas, FrameStatistics


@dataclass(frozen=True)
class ContributionMapsResult(Result):
    """Maps of some neurons of one layer, and how much the whole layer contributes.

    Attributes:
        neurons: [n] indices of the shown neurons.
        labels: [n] readable names of the neurons.
        maps: [n, height, width] contribution maps.
        dead: [n] whether a shown neuron has no contribution.
        total: [height, width] Σ|c| over all neurons of the layer.
        neuron_totals: [neurons] Σ|c| of every neuron of the layer.
        completeness_error: relative difference between the sum of the layer's terms and its output.
        inactive: [neurons] whether a neuron could be removed without effect; None in results saved before 0.2.
    """

    analysis = "maps"
    neurons: Int[np.ndarray, " n"]
    labels: tuple[str, ...]
    maps: Float[np.ndarray, "n height width"]
    dead: Bool[np.ndarray, " n"]
    total: Float[np.ndarray, "height width"]
    neuron_totals: Float[np.ndarray, " neurons"]
    completeness_error: float
    inactive: Bool[np.ndarray, " neurons"] | None = None

    def scalars(self) -> dict[str, float]:
        """Shares of the layer's neurons without contribution and of the inactive ones, and the completeness error.

        ``dead_fraction``, the paper's word for the first, goes with version 0.3.
        """
        no_contribution = float((self.neuron_totals == 0).mean())
        inactive = {} if self.inactive is None else {"inactive": float(self.inactive.mean())}
        return {
            "no_contribution": no_contribution,
            **inactive,
            "dead_fraction": no_contribution,
            "completeness_error": self.completeness_error,
        }


def contribution_maps(
    layer: FrameCanvas, statistics: FrameStatistics, neurons: Sequence[int]
) -> ContributionMapsResult:
    """Maps of the given neurons beside the layer's total.

    Args:
        layer: the layer's canvas at one frame.
        statistics: its reductions.
        neurons: indices of the neurons to show.

    Raises:
        IndexError: if a neuron does not exist.
    """
    maps = layer.maps(neurons).float()
    return ContributionMapsResult(
        layer=layer.name,
        neurons=np.asarray(neurons),
        labels=tuple(neuron_label(layer, neuron) for neuron in neurons),
        maps=maps.cpu().numpy(),
        dead=(maps == 0).all(dim=(1, 2)).cpu().numpy(),
        total=statistics.pixel_sums.cpu().numpy(),
        neuron_totals=statistics.absolute_sum.cpu().numpy(),
        completeness_error=layer.completeness_error(),
        inactive=layer.inactive[statistics.neurons].cpu().numpy(),
    )
