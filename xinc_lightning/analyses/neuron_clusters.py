"""Clusters of neurons: embedded by the textures to which they contribute (§4.6, Figs 10, 12, 13)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from xinc_lightning.analyses.embedding import FEWEST, embed, embed_like
from xinc_lightning.analyses.partitions import STARTS, Convention
from xinc_lightning.analyses.result import Result
from xinc_lightning.analyses.sampling import neuron_label, sample_neurons
from xinc_lightning.analyses.scaling import min_max_scaled
from xinc_lightning.canvas import FrameCanvas, FrameStatistics

CLUSTERS = {"paper": 4, "released": 6}
"""Number of clusters of a layer; the released code divides its embeddings into six, of which the paper shows four."""

SHOWN_CLUSTERS = SHOWN = 4
"""Number of clusters, and of neurons per cluster, whose maps are shown, as in the paper."""

CONV_NEIGHBOURS = (5, 25, 75, 150)
"""UMAP's ``n_neighbors`` for the head and the blocks before it, last first; linear layers take 5."""


@dataclass(frozen=True)
class Earlier:
    """An earlier embedding, from which the next one is initialised.

    Attributes:
        neurons: [before] indices of the neurons.
        positions: [before, 2] their positions.
        clusters: [before] their clusters.
    """

    neurons: Int[np.ndarray, " before"]
    positions: Float[np.ndarray, "before 2"]
    clusters: Int[np.ndarray, " before"]


@dataclass(frozen=True)
class NeuronClustersResult(Result):
    """One layer's neurons in two dimensions.

    Attributes:
        total_neurons: neurons of the layer.
        sampled: number of them that were analysed.
        neurons: [n] indices of the live ones among these.
        vectors: [n, k] mean over each gabor cluster of the neuron's |c|, min-max normalised over the frame.
        cluster_areas: [k] pixels of each gabor cluster: vectors of different runs can be compared if these
            agree.
        neighbours: UMAP's ``n_neighbors``.
        positions: [n, 2] embedding.
        clusters: [n] k-means cluster of the embedding, numbered from left to right at the first epoch, and like the
            cluster with which it shares most neurons at later ones.
        shown: [m] indices of the neurons whose maps are shown, cluster by cluster.
        shown_clusters: [m] their clusters.
        labels: [m] their readable names.
        maps: [m, height, width] their |c|, min-max normalised.
        silhouette: mean silhouette coefficient of the vectors, -1 to 1; NaN if there is one cluster.
    """

    analysis = "neuron_clusters"
    total_neurons: int
    sampled: int
    neurons: Int[np.ndarray, " n"]
    vectors: Float[np.ndarray, "n k"]
    cluster_areas: Int[np.ndarray, " k"]
    neighbours: int
    positions: Float[np.ndarray, "n 2"]
    clusters: Int[np.ndarray, " n"]
    shown: Int[np.ndarray, " m"]
    shown_clusters: Int[np.ndarray, " m"]
    labels: tuple[str, ...]
    maps: Float[np.ndarray, "m height width"]
    silhouette: float

    @property
    def method(self) -> str:
        """Method of the embedding."""
        return (
            f"UMAP of {self.neighbours} neighbours" if len(self.neurons) >= FEWEST else "principal components"
        )

    def scalars(self) -> dict[str, float]:
        """The silhouette of the clusters, if there are several."""
        return {} if np.isnan(self.silhouette) else {"silhouette": self.silhouette}


def neuron_clusters(
    layer: FrameCanvas,
    statistics: FrameStatistics,
    neighbours: int,
    partition: str = "gabor",
    max_neurons: int | None = 2000,
    seed: int = 42,
    previous: Earlier | None = None,
    convention: Convention = "paper",
) -> NeuronClustersResult:
    """Embed and cluster one layer's neurons at one frame.

    Args:
        layer: the layer's canvas at that frame.
        statistics: its reductions, with the gabor clusters among their partitions.
        neighbours: UMAP's ``n_neighbors``, see :func:`layer_neighbours`.
        partition: name of the gabor clusters.
        max_neurons: larger layers are sampled; None for no limit.
        seed: of the sample, UMAP, k-means and the neurons shown.
        previous: the layer's embedding at an earlier epoch, to continue.
        convention: determines the number of clusters.
    """
    chosen = np.array(sample_neurons(len(statistics.neurons), max_neurons or len(statistics.neurons), seed))
    vectors = statistics.cluster_means(partition)[chosen].float().cpu().numpy()
    live = statistics.absolute_sum[chosen].cpu().numpy() > 0
    live &= np.isfinite(vectors).all(1)  # neurons that are not finite cannot be embedded
    neurons, vectors = statistics.neurons.cpu().numpy()[chosen[live]], vectors[live]
    if previous is None:
        positions = embed(vectors, neighbours, seed)
    else:
        positions = embed_like(vectors, neurons, neighbours, seed, previous.neurons, previous.positions)
    clusters = cluster(positions, CLUSTERS[convention], seed)
    if previous is not None:
        clusters = numbered_like(clusters, neurons, previous)
    shown = _representatives(clusters, seed)
    return NeuronClustersResult(
        layer=layer.name,
        total_neurons=layer.neurons,
        sampled=len(chosen),
        neurons=neurons,
        vectors=vectors,
        cluster_areas=statistics.cluster_areas[partition].cpu().numpy(),
        neighbours=max(min(neighbours, len(neurons) - 1), 2),
        positions=positions,
        clusters=clusters,
        shown=neurons[shown],
        shown_clusters=clusters[shown],
        labels=tuple(neuron_label(layer, int(neuron)) for neuron in neurons[shown]),
        maps=_normalised_maps(layer, neurons[shown]),
        silhouette=_silhouette(vectors, clusters),
    )


def layer_neighbours(layer: FrameCanvas, layers_behind: int) -> int:
    """The paper's ``n_neighbors`` for this layer: more for the larger layers further from the head.

    Args:
        layer: the layer's canvas.
        layers_behind: number of layers between it and the output.
    """
    if "kernel" not in layer.labels:
        return CONV_NEIGHBOURS[0]
    return CONV_NEIGHBOURS[min(layers_behind, len(CONV_NEIGHBOURS) - 1)]


def cluster(positions: Float[np.ndarray, "n 2"], clusters: int, seed: int) -> Int[np.ndarray, " n"]:
    """K-means of positions, with clusters numbered from left to right; fewer if there are fewer distinct positions.

    >>> cluster(np.array([[5.0, 0.0], [0, 0], [5, 1], [0, 1]]), 2, seed=0)
    array([1, 0, 1, 0])
    """
    from sklearn.cluster import KMeans

    places = len(np.unique(positions, axis=0))
    if places == 0:
        return np.zeros(0, dtype=np.int64)
    means = KMeans(min(clusters, places), n_init=STARTS, random_state=seed).fit(positions)
    rank = np.argsort(np.argsort(means.cluster_centers_[:, 0]))
    labels: np.ndarray = rank[means.labels_]
    return labels


def numbered_like(
    clusters: Int[np.ndarray, " n"], neurons: Int[np.ndarray, " n"], earlier: Earlier
) -> Int[np.ndarray, " n"]:
    """The same clusters, numbered so that most neurons keep their number, and so their colour.

    >>> earlier = Earlier(np.array([3, 5, 8]), np.zeros((3, 2)), np.array([0, 1, 1]))
    >>> numbered_like(np.array([1, 0, 0]), np.array([3, 5, 9]), earlier)
    array([0, 1, 1])
    """
    from scipy.optimize import linear_sum_assignment

    count = int(max(clusters.max(initial=-1), earlier.clusters.max(initial=-1))) + 1
    _, now, before = np.intersect1d(neurons, earlier.neurons, return_indices=True)
    shared = np.zeros((count, count), dtype=np.int64)
    np.add.at(shared, (clusters[now], earlier.clusters[before]), 1)
    _, number = linear_sum_assignment(shared, maximize=True)
    renumbered: np.ndarray = number[clusters]
    return renumbered


def _representatives(clusters: Int[np.ndarray, " n"], seed: int) -> Int[np.ndarray, " m"]:
    """Indices of up to ``SHOWN`` members of each shown cluster, sampled at random."""
    random = np.random.default_rng(seed)
    kinds = np.unique(clusters)[:SHOWN_CLUSTERS]
    drawn = [random.permutation(np.flatnonzero(clusters == c))[:SHOWN] for c in kinds]
    return np.concatenate(drawn) if drawn else np.zeros(0, dtype=np.int64)


def _normalised_maps(
    layer: FrameCanvas, neurons: Int[np.ndarray, " m"]
) -> Float[np.ndarray, "m height width"]:
    """|c| of the neurons, each scaled to [0, 1]."""
    if not len(neurons):
        return np.zeros((0, *layer.shape), dtype=np.float32)
    maps: np.ndarray = layer.maps(neurons).abs().float().cpu().numpy()
    return min_max_scaled(maps, axis=(1, 2))


def _silhouette(vectors: Float[np.ndarray, "n k"], clusters: Int[np.ndarray, " n"]) -> float:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(clusters)) < len(vectors):
        return float("nan")
    return float(silhouette_score(vectors, clusters))
