"""Clusters of neurons, by the textures to which they contribute (§4.6, Figs 10, 12–14)."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from xinc_lightning.analyses import (
    Convention,
    NeuronClustersResult,
    gabor_partition,
    layer_neighbours,
    neuron_clusters,
)
from xinc_lightning.analyses.neuron_clusters import CLUSTERS, Earlier, cluster
from xinc_lightning.analyses.neuron_table import identity
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis, require_positive
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.canvas import FrameCanvas
from xinc_lightning.data import PanopticClip
from xinc_lightning.figures import clusters_with_maps, embedding_page, thumbnails_of


class NeuronClusters(FrameAnalysis):
    """Neurons of each layer embedded by their contributions to gabor clusters, then divided into four clusters.

    Each embedding is initialised with the one before it and rotated to match it, so that neurons can be followed
    over epochs. The positions are part of a checkpoint, so that a resumed run continues from them. At the end of
    training, an interactive page shows the map of every embedded neuron.

    Args:
        clusters: number k of gabor clusters.
        max_neurons: layers of more neurons are sampled; null for no limit (UMAP of 18,000 neurons takes minutes).
        seed: of the gabor clusters, the sample, UMAP, k-means and the neurons shown.
        convention: ``paper``, or ``released`` for the authors' Gabor filters and six clusters of neurons, four shown.
        options: layers, frame, cadence and ``strict``, see
            :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis`.
    """

    def __init__(
        self,
        clusters: int = 32,
        max_neurons: int | None = 2000,
        seed: int = 42,
        convention: Convention = "paper",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require_positive(self, clusters=clusters, max_neurons=max_neurons)
        self.clusters = clusters
        self.max_neurons = max_neurons
        self.seed = seed
        self.convention: Convention = convention
        self._partition: Tensor | None = None
        self._earlier: dict[str, Earlier] = {}

    def state_dict(self) -> dict[str, Any]:
        """Neurons, their positions and clusters at the latest analysed epoch, by layer."""
        return {
            "earlier": {
                name: [torch.from_numpy(array) for array in (e.neurons, e.positions, e.clusters)]
                for name, e in self._earlier.items()
            }
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore them; version 0.1 did not store clusters, which are then numbered from left to right."""
        for name, (neurons, positions, *clusters) in state_dict["earlier"].items():
            numbers = (
                clusters[0].numpy() if clusters else cluster(positions.numpy(), CLUSTERS["paper"], self.seed)
            )
            self._earlier[name] = Earlier(neurons.numpy(), positions.numpy(), numbers)

    def needs(self, clip: PanopticClip) -> Needs:
        """The frame, and its gabor clusters."""
        if self._partition is None:
            self._partition = gabor_partition(
                clip.frames[self.frame], self.clusters, self.seed, self.convention
            )
        return Needs((self.frame,), {self._name: self._partition})

    @property
    def _name(self) -> str:
        return f"neuron_clusters gabor {self.frame} {self.clusters} {self.seed} {self.convention}"

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One figure per layer, and at the end one page for all layers."""
        results: list[NeuronClustersResult] = []
        totals: list[np.ndarray] = []
        thumbnails: list[np.ndarray] = []
        picture = context.picture(self.frame)
        for name in self.layers or context.layers:
            layer = context.canvas(name, self.frame)
            statistics = context.statistics(name, self.frame)
            result = neuron_clusters(
                layer,
                statistics,
                layer_neighbours(layer, len(context.layers) - 1 - context.layers.index(name)),
                self._name,
                self.max_neurons,
                self.seed,
                self._earlier.get(name),
                self.convention,
            )
            self._earlier[name] = Earlier(result.neurons, result.positions, result.clusters)
            architecture = np.array(context.architecture)
            sink.result(result, architecture=architecture)
            title = context.title(name, self.frame)
            sink.figure(f"neuron_clusters/{name}", clusters_with_maps(result, picture, title))
            everyone = statistics.neurons.cpu().numpy()
            known = identity(layer, statistics)
            sink.about_neurons(name, everyone, **known)
            x, y = result.positions.T
            sink.about_neurons(name, result.neurons, cluster=result.clusters, umap_x=x, umap_y=y)
            if sink.last:
                small = _thumbnails(layer, result.neurons)
                sink.about_neurons(name, result.neurons, thumbnail=small)
                results.append(result)
                totals.append(known["absolute_sum"][np.searchsorted(everyone, result.neurons)])
                thumbnails.append(small)
        assert self._partition is not None  # the shared pass needed it
        sink.arrays("gabor_clusters", labels=self._partition.cpu().numpy().astype(np.uint16))
        if any(len(result.neurons) for result in results):
            title = context.title("neurons", self.frame)
            sink.page("neurons", embedding_page(results, totals, thumbnails, title))


def _thumbnails(layer: FrameCanvas, neurons: np.ndarray) -> np.ndarray:
    """Thumbnails of the neurons' |c|, computed in chunks."""
    small = [
        thumbnails_of(layer.maps(chunk).abs().float().cpu().numpy())
        for chunk in np.array_split(neurons, max(len(neurons) // 128, 1))
    ]
    return np.concatenate(small)
