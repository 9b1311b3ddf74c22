"""Reductions of a layer's canvas, from which all analyses of §4 are computed."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class LayerStatistics:
    """Reductions of a layer's contribution maps c, over all or selected neurons.

    Axes are in the order threshold, neuron, frame, then cluster or row and column. Sums are float64. Shares,
    entropies and thresholds treat the selected neurons as the whole layer.

    Args:
        layer: the layer's name.
        neurons: which neurons, in the order of the neuron axis.
        signed_sum: Σ c over the pixels.
        absolute_sum: Σ|c| over the pixels; 0 for a dead neuron.
        minimum: smallest |c|.
        maximum: largest |c|.
        cluster_sums: per partition, Σ|c| over each cluster's pixels.
        cluster_areas: per partition, pixels of each cluster.
        pixel_sums: Σ|c| over the neurons.
        entropy: entropy in nats of the shares |c| / Σ|c| of the neurons at a pixel, 0 where all are 0.
        pixels_per_neuron: pixels at which the neuron's share exceeds 1 / N (§4.4).
        thresholds: the fractions x.
        tau: τ_x: contributions |c| ≤ τ_x hold the fraction x of the layer's Σ|c|.
        neurons_above: neurons with |c| > τ_x at each pixel.
        curve: |c| of the layer at evenly spaced ranks from the smallest to the largest (Fig 18), to 0.4 %.
        fluctuation: Σ||c_t| − |c_{t−1}|| over the neurons, for each pair of neighbouring frames (§4.5).
    """

    layer: str
    neurons: Int[Tensor, " neurons"]
    signed_sum: Float[Tensor, "neurons frames"]
    absolute_sum: Float[Tensor, "neurons frames"]
    minimum: Float[Tensor, "neurons frames"]
    maximum: Float[Tensor, "neurons frames"]
    cluster_sums: Mapping[str, Float[Tensor, "neurons frames _"]]
    cluster_areas: Mapping[str, Int[Tensor, "frames _"]]
    pixel_sums: Float[Tensor, "frames height width"]
    entropy: Float[Tensor, "frames height width"]
    pixels_per_neuron: Int[Tensor, "neurons frames"]
    thresholds: tuple[float, ...]
    tau: Float[Tensor, "thresholds frames"]
    neurons_above: Int[Tensor, "thresholds frames height width"]
    curve: Float[Tensor, "frames points"]
    fluctuation: Float[Tensor, "transitions height width"]

    def at(self, frame: int) -> "FrameStatistics":
        """The reductions of one of the canvas's frames.

        Raises:
            IndexError: if there is no such frame.
        """
        if not 0 <= frame < len(self.pixel_sums):
            raise IndexError(
                f"frame {frame} of layer {self.layer!r}: its frames are 0 … {len(self.pixel_sums) - 1}."
            )
        return FrameStatistics(
            layer=self.layer,
            neurons=self.neurons,
            signed_sum=self.signed_sum[:, frame],
            absolute_sum=self.absolute_sum[:, frame],
            minimum=self.minimum[:, frame],
            maximum=self.maximum[:, frame],
            cluster_sums={name: sums[:, frame] for name, sums in self.cluster_sums.items()},
            cluster_areas={name: areas[frame] for name, areas in self.cluster_areas.items()},
            pixel_sums=self.pixel_sums[frame],
            entropy=self.entropy[frame],
            pixels_per_neuron=self.pixels_per_neuron[:, frame],
            thresholds=self.thresholds,
            tau=self.tau[:, frame],
            neurons_above=self.neurons_above[:, frame],
            curve=self.curve[frame],
        )


@dataclass(frozen=True)
class FrameStatistics:
    """Reductions of a layer's contribution maps at one frame: :class:`LayerStatistics` without the axis of frames."""

    layer: str
    neurons: Int[Tensor, " neurons"]
    signed_sum: Float[Tensor, " neurons"]
    absolute_sum: Float[Tensor, " neurons"]
    minimum: Float[Tensor, " neurons"]
    maximum: Float[Tensor, " neurons"]
    cluster_sums: Mapping[str, Float[Tensor, "neurons _"]]
    cluster_areas: Mapping[str, Int[Tensor, " _"]]
    pixel_sums: Float[Tensor, "height width"]
    entropy: Float[Tensor, "height width"]
    pixels_per_neuron: Int[Tensor, " neurons"]
    thresholds: tuple[float, ...]
    tau: Float[Tensor, " thresholds"]
    neurons_above: Int[Tensor, "thresholds height width"]
    curve: Float[Tensor, " points"]

    @property
    def effective_neurons(self) -> Float[Tensor, "height width"]:
        """Effective number of neurons at each pixel, the exponential of the entropy."""
        return self.entropy.exp()

    def cluster_means(self, partition: str) -> Float[Tensor, "neurons clusters"]:
        """Mean over each cluster of every neuron's |c|, min-max normalised over the frame (§4.6).

        0 for a neuron whose map is constant, and for a cluster without pixels.
        """
        areas = self.cluster_areas[partition]
        span = (self.maximum - self.minimum)[:, None]
        means = (self.cluster_sums[partition] / areas.clamp(min=1) - self.minimum[:, None]) / span.where(
            span > 0, 1.0
        )
        return means.where((areas > 0) & (span > 0), 0.0)
