"""Two-dimensional embeddings of neurons by UMAP, and how successive ones are kept comparable (§4.6)."""

import warnings
from contextlib import suppress

import numpy as np
import torch
from jaxtyping import Float, Int

EXACT = 4096
"""Up to so many neurons, all distances are computed; for more, UMAP searches neighbours approximately."""

FEWEST = 5
"""UMAP needs more neurons than dimensions; fewer than these are embedded by principal components."""

EPOCHS = 200
WARM_EPOCHS = 60
"""Epochs of UMAP's optimisation, from scratch and from the positions of an earlier embedding.

Of 1,000 neurons of the full NeRV the trustworthiness of 60 is at most 0.004 below that of 100, in 0.6 of the time.
"""

MANY = 500
"""Fewer neurons are embedded quickly enough."""

Vectors = Float[np.ndarray, "neurons features"]
Positions = Float[np.ndarray, "neurons 2"]


def embed(vectors: Vectors, neighbours: int, seed: int = 42, start: Positions | None = None) -> Positions:
    """UMAP of the neurons' vectors, with ``min_dist`` 0.1.

    The same arguments give the same positions.

    Args:
        vectors: finite.
        neighbours: UMAP's ``n_neighbors``, at most the number of other neurons.
        seed: of its random numbers.
        start: initial positions, for an embedding that continues an earlier one.
    """
    if len(vectors) < FEWEST:
        return principal_components(vectors)
    import umap

    _keep_compiled()
    neighbours = max(min(neighbours, len(vectors) - 1), 2)
    reducer = umap.UMAP(
        n_neighbors=neighbours,
        min_dist=0.1,
        precomputed_knn=_nearest(vectors, neighbours) if len(vectors) <= EXACT else (None, None, None),
        init="spectral" if start is None else start.astype(np.float32),
        n_epochs=EPOCHS if start is None or len(vectors) < MANY else WARM_EPOCHS,
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "precomputed_knn.*transform")  # only fit, no later transform
        # Disconnected groups of neurons need no warning.
        warnings.filterwarnings("ignore", ".*not fully connected")
        warnings.filterwarnings("ignore", ".*[Ss]pectral initiali[sz]ation failed")
        positions: np.ndarray = reducer.fit_transform(vectors)
    return positions.astype(np.float64)


def _nearest(vectors: Vectors, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest neighbours of each neuron, itself first, and their distances.

    UMAP itself would compute these in a Python loop, and sort them with a function that takes seconds to compile.
    """
    points = torch.from_numpy(vectors).double()
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    nearest = distances.topk(neighbours, largest=False)
    return nearest.indices.numpy(), nearest.values.numpy()


def _keep_compiled() -> None:
    """Let numba cache UMAP's compiled functions on disk; UMAP would compile them in every process."""
    from umap import layouts, umap_

    with suppress(AttributeError, RuntimeError):  # another version of UMAP, or no writable folder
        for function in (
            umap_.smooth_knn_dist,
            umap_.compute_membership_strengths,
            layouts._nb_optimize_layout_euclidean_single_epoch,
        ):
            if not function.signatures:
                function.enable_caching()


def principal_components(vectors: Vectors) -> Positions:
    """The first two principal components, 0 where there are fewer."""
    positions = np.zeros((len(vectors), 2))
    if len(vectors):
        left, values, _ = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
        kept = min(2, len(values))
        positions[:, :kept] = left[:, :kept] * values[:kept]
    return positions


def embed_like(
    vectors: Vectors,
    neurons: Int[np.ndarray, " neurons"],
    neighbours: int,
    seed: int,
    earlier_neurons: Int[np.ndarray, " before"],
    earlier: Float[np.ndarray, "before 2"],
) -> Positions:
    """An embedding whose neurons are, as far as possible, where they are in an earlier embedding.

    UMAP starts from the earlier positions, and a new neuron from that of its most similar neighbour. The remaining
    rotation, reflection, scale and shift are undone (Procrustes). Projecting new vectors into the first epoch's
    embedding would not represent later epochs faithfully: groups of neurons that form during training are not in it.

    Args:
        vectors: finite.
        neurons: indices of the neurons that have these vectors.
        neighbours: see :func:`embed`.
        seed: see :func:`embed`.
        earlier_neurons: indices of the neurons of the earlier embedding.
        earlier: their positions.
    """
    from sklearn.neighbors import NearestNeighbors

    _, here, there = np.intersect1d(neurons, earlier_neurons, assume_unique=True, return_indices=True)
    if len(here) < FEWEST:
        return embed(vectors, neighbours, seed)
    start = np.zeros((len(vectors), 2))
    start[here] = earlier[there]
    new = np.setdiff1d(np.arange(len(vectors)), here)
    if len(new):
        nearest = NearestNeighbors(n_neighbors=1).fit(vectors[here]).kneighbors(vectors[new])[1][:, 0]
        start[new] = start[here[nearest]]
    positions = embed(vectors, neighbours, seed, start)
    return align(positions, positions[here], earlier[there])


def align(
    positions: Positions, landmarks: Float[np.ndarray, "shared 2"], targets: Float[np.ndarray, "shared 2"]
) -> Positions:
    """Rotate, reflect, scale and shift positions so that the landmarks are close to the targets.

    The scale gives both the same spread. (The least-squares scale would be smaller, and from epoch to epoch shrink
    the embedding to a point.)

    >>> square = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]])
    >>> turned = 3 * square @ np.array([[0.0, 1], [-1, 0]]) + 5
    >>> bool(np.allclose(align(turned, turned, square), square))
    True
    """
    from scipy.linalg import orthogonal_procrustes

    centre, target = landmarks.mean(0), targets.mean(0)
    rotation, _ = orthogonal_procrustes(landmarks - centre, targets - target)
    spread = np.linalg.norm(landmarks - centre)
    scale = np.linalg.norm(targets - target) / spread if spread > 0 else 1.0
    aligned: np.ndarray = (positions - centre) @ rotation * scale + target
    return aligned
