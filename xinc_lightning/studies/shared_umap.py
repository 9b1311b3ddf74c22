"""The neurons of several runs in one embedding (§4.6, Figs 10, 14)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np

from xinc_lightning.analyses import NeuronSet, SharedEmbedding, sample_neurons, shared_embedding
from xinc_lightning.errors import UserError
from xinc_lightning.figures import embedding_by_group, figure_file
from xinc_lightning.runs.arrays import Arrays
from xinc_lightning.runs.atomic import one_sentence, save
from xinc_lightning.runs.reader import Run, RunError
from xinc_lightning.runs.records import write_json
from xinc_lightning.text import counted

ColouredBy = Literal["seed", "layer", "architecture", "run"]
FOLDER = "neuron_clusters"
FORM = {
    **{"architecture": "U", "layer": "U", "neighbours": "i", "cluster_areas": "# k"},
    **{"neurons": "i n", "vectors": "# n k"},
}
"""Of the arrays that ``NeuronClusters`` saves, see :data:`xinc_lightning.runs.arrays.Form`."""

LARGEST = 1e18
"""Of a vector's values; the distances of larger ones overflow."""

SEED = 42
"""Of UMAP."""


@dataclass(frozen=True)
class SharedUMAP:
    """Several runs' neurons, embedded together.

    Attributes:
        runs: the runs.
        by: what the colours distinguish.
        epochs: of the snapshots.
        panels: an embedding for each layer of each architecture if runs are compared, else one of everything.
    """

    runs: tuple[Run, ...]
    by: ColouredBy
    epochs: tuple[int, ...]
    panels: tuple[SharedEmbedding, ...]

    @property
    def title(self) -> str:
        """Title of the figure."""
        return f"Neurons of {counted(len(self.runs), 'run')}, by {self.by} · epoch {', '.join(map(str, self.epochs))}"

    def save(self, folder: Path) -> Path:
        """Write the figure, its numbers and the settings; returns the figure's path.

        Raises:
            OutputError: if they cannot be written.
        """
        stem = folder / f"umap_by_{self.by}"
        figure = figure_file(embedding_by_group(self.panels, self.by, self.title), "png")
        save(stem.with_suffix(".png"), figure)
        record = {
            **{"runs": [str(run.path) for run in self.runs], "by": self.by, "seed": SEED},
            "epochs": self.epochs,
            "mixing": {panel.name: panel.scalars().get("mixing") for panel in self.panels},
        }
        with one_sentence(stem.with_suffix(".json")):
            write_json(stem.with_suffix(".json"), record)
        arrays = {f"{p.name}/{key}": value for p in self.panels for key, value in p.arrays().items()}
        file = BytesIO()
        np.savez_compressed(file, allow_pickle=False, **arrays)
        save(stem.with_suffix(".npz"), file.getvalue())
        return stem.with_suffix(".png")


def shared_umap(
    runs: Sequence[Run],
    by: ColouredBy,
    layers: Sequence[str] | None = None,
    epoch: int | None = None,
    max_neurons: int = 1000,
) -> SharedUMAP:
    """Embed the neurons of several runs together.

    Args:
        runs: the runs.
        by: what the colours distinguish.
        layers: names of the layers, by default all.
        epoch: of the snapshots, by default each run's last.
        max_neurons: of each layer of each run; larger layers are sampled.

    Raises:
        UserError: if a run has no neuron vectors, no run has such a layer, or the runs cannot be compared.
    """
    sets = [one for run in runs for one in load_neuron_sets(run, epoch)]
    known = list(dict.fromkeys(one.layer for one in sets))
    if wrong := sorted(set(layers or ()) - set(known)):
        raise UserError(f"the runs have no layer '{wrong[0]}'; they have {', '.join(known)}.")
    sets = [sampled(one, max_neurons) for one in sets if one.layer in (layers or known)]
    sets = [one for one in sets if one.vectors.size]
    if not sets:
        raise RunError("there are no neuron vectors in these runs that can be embedded.")
    epochs = tuple(sorted({one.epoch for one in sets}))
    return SharedUMAP(tuple(runs), by, epochs, tuple(embed_sets(sets, by)))


def embed_sets(sets: Sequence[NeuronSet], by: ColouredBy) -> list[SharedEmbedding]:
    """One embedding for each layer of each architecture if runs are compared, else one of everything.

    Raises:
        UserError: if the sets cannot be compared.
    """
    together: dict[str, list[NeuronSet]] = defaultdict(list)
    for one in sets:
        together[f"{one.architecture} {one.layer}" if by in ("seed", "run") else "all layers"].append(one)
    several = by == "layer" and len({one.architecture for one in sets}) > 1

    def group(one: NeuronSet) -> str:
        return f"{one.architecture} {one.layer}" if several else str(getattr(one, by))

    return [
        shared_embedding(members, [group(one) for one in members], name) for name, members in together.items()
    ]


def load_neuron_sets(run: Run, epoch: int | None = None) -> list[NeuronSet]:
    """The vectors that ``NeuronClusters`` saved at one epoch of a run, input side first.

    Args:
        run: the run.
        epoch: of the snapshot, by default the last.

    Raises:
        RunError: if there are none.
    """
    found = {snapshot.epoch: snapshot for snapshot in run.snapshots if snapshot.layers(FOLDER)}
    if not found:
        raise RunError(
            f"'{run.path}' has no neuron vectors; train or test it with the callback NeuronClusters."
        )
    chosen = max(found) if epoch is None else epoch
    if chosen not in found:
        raise RunError(f"'{run.path}' has none of epoch {chosen}; it has {', '.join(map(str, found))}.")
    snapshot = found[chosen]
    saved = [snapshot.find_arrays(FOLDER, layer, FORM) for layer in snapshot.layers(FOLDER)]
    return [_neuron_set(run, chosen, arrays) for arrays in saved if arrays is not None]


def _neuron_set(run: Run, epoch: int, saved: Arrays) -> NeuronSet:
    finite = (np.abs(saved["vectors"]) < LARGEST).all(1)
    return NeuronSet(
        run=run.name,
        seed=run.seed,
        architecture=str(saved["architecture"]),
        layer=str(saved["layer"]),
        epoch=epoch,
        neighbours=max(2, min(int(saved["neighbours"]), 1000)),
        cluster_areas=saved["cluster_areas"],
        neurons=saved["neurons"][finite],
        vectors=saved["vectors"][finite],
    )


def sampled(one: NeuronSet, most: int) -> NeuronSet:
    """The set, or a sample of it if it is larger than ``most``."""
    chosen = sample_neurons(len(one.neurons), most)
    return replace(one, neurons=one.neurons[chosen], vectors=one.vectors[chosen])
