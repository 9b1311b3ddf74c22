"""Neurons of several runs in one embedding: whether they form the same groups (§4.6, Figs 10, 14)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from xinc_lightning.analyses.embedding import embed
from xinc_lightning.errors import UserError


@dataclass(frozen=True)
class NeuronSet:
    """The vectors of one layer of one run, as :class:`NeuronClustersResult` saves them.

    Attributes:
        run: name of the run.
        seed: of the run.
        architecture: ``NeRV``, ``FFN`` ...
        layer: name of the layer.
        epoch: of the checkpoint.
        neighbours: UMAP's ``n_neighbors`` for the layer.
        cluster_areas: [k] pixels of the gabor clusters.
        neurons: [n] indices of the neurons.
        vectors: [n, k] one vector per neuron.
    """

    run: str
    seed: str
    architecture: str
    layer: str
    epoch: int
    neighbours: int
    cluster_areas: Int[np.ndarray, " k"]
    neurons: Int[np.ndarray, " n"]
    vectors: Float[np.ndarray, "n k"]


@dataclass(frozen=True)
class SharedEmbedding:
    """Neurons of several sets in two dimensions.

    Attributes:
        name: what the sets have in common.
        groups: names of the groups, in order.
        positions: [n, 2] embedding.
        members: [n] each neuron's group.
        sets: [n] each neuron's set.
        neurons: [n] each neuron's index in its layer.
        mixing: how often a neuron's nearest neighbours, by vector, are of other groups, relative to chance: about 1
            if all groups have similar neurons, 0 if no group has neurons like another's; NaN for a single group.
    """

    name: str
    groups: tuple[str, ...]
    positions: Float[np.ndarray, "n 2"]
    members: Int[np.ndarray, " n"]
    sets: Int[np.ndarray, " n"]
    neurons: Int[np.ndarray, " n"]
    mixing: float

    def scalars(self) -> dict[str, float]:
        """The mixing, if there are several groups."""
        return {} if np.isnan(self.mixing) else {"mixing": self.mixing}

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays needed to redraw the figure."""
        return {
            "groups": np.array(self.groups),
            "positions": self.positions,
            "members": self.members,
            "sets": self.sets,
            "neurons": self.neurons,
        }


def shared_embedding(
    sets: Sequence[NeuronSet], groups: Sequence[str], name: str = "", seed: int = 42
) -> SharedEmbedding:
    """One UMAP of all sets' neurons.

    Args:
        sets: at least one; their vectors must be means over the same gabor clusters.
        groups: name of the group that each set belongs to.
        name: what the sets have in common.
        seed: of UMAP.

    Raises:
        UserError: if the sets' gabor clusters differ.
    """
    for other in sets[1:]:
        if not np.array_equal(sets[0].cluster_areas, other.cluster_areas):
            raise UserError(
                f"{sets[0].run} {sets[0].layer} and {other.run} {other.layer} were analysed with different "
                "gabor clusters: embed together runs of one clip, frame, resolution, interpolation and number of "
                "clusters."
            )
    names = tuple(dict.fromkeys(groups))
    sizes = [len(one.vectors) for one in sets]
    vectors = np.concatenate([one.vectors for one in sets])
    members = np.repeat([names.index(group) for group in groups], sizes)
    return SharedEmbedding(
        name=name,
        groups=names,
        positions=embed(vectors, max(one.neighbours for one in sets), seed),
        members=members,
        sets=np.repeat(np.arange(len(sets)), sizes),
        neurons=np.concatenate([one.neurons for one in sets]),
        mixing=mixing(vectors, members),
    )


def mixing(vectors: Float[np.ndarray, "n k"], members: Int[np.ndarray, " n"], neighbours: int = 10) -> float:
    """See :class:`SharedEmbedding`.

    >>> mixing(np.array([[0.0], [0.1], [9.0], [9.1]]), np.array([0, 0, 1, 1]), neighbours=1)
    0.0
    """
    from sklearn.neighbors import NearestNeighbors

    sizes = np.bincount(members)
    if np.count_nonzero(sizes) < 2:
        return float("nan")
    nearest = NearestNeighbors(n_neighbors=min(neighbours, len(vectors) - 1)).fit(vectors)
    found = nearest.kneighbors(return_distance=False)
    foreign = (members[found] != members[:, None]).mean(1)
    expected = (len(members) - sizes[members]) / (len(members) - 1)
    return float(foreign.mean() / expected.mean())
