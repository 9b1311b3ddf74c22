"""The neurons of several runs in one embedding (§4.6, Figs 10, 14)."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import yaml

from xinc_lightning.analyses import NeuronSet, SharedEmbedding, sample_neurons, shared_embedding
from xinc_lightning.errors import UserError
from xinc_lightning.figures import embedding_by_group
from xinc_lightning.runs.reader import RunError

ColouredBy = Literal["seed", "layer", "architecture", "run"]
FOLDER = "neuron_clusters"
SEED = 42
"""Of UMAP."""


@dataclass(frozen=True)
class SharedUMAP:
    """Several runs' neurons, embedded together.

    Attributes:
        runs: the runs' folders.
        by: what the colours tell apart.
        epochs: of the checkpoints.
        panels: an embedding for each layer of each architecture if runs are compared, else one of everything.
    """

    runs: tuple[Path, ...]
    by: ColouredBy
    epochs: tuple[int, ...]
    panels: tuple[SharedEmbedding, ...]

    @property
    def title(self) -> str:
        """Heading of the figure."""
        number = f"{len(self.runs)} run" + "s" * (len(self.runs) > 1)
        return f"Neurons of {number}, by {self.by} · epoch {', '.join(map(str, self.epochs))}"

    def save(self, folder: Path) -> Path:
        """Write the figure, its numbers and the settings; returns the figure's path."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"umap_by_{self.by}"
        embedding_by_group(self.panels, self.by, self.title).savefig(stem.with_suffix(".png"))
        record = {
            **{"runs": [str(run) for run in self.runs], "by": self.by, "seed": SEED},
            "epochs": self.epochs,
            "mixing": {panel.name: panel.scalars().get("mixing") for panel in self.panels},
        }
        stem.with_suffix(".json").write_text(json.dumps(record, indent=1), encoding="utf-8")
        arrays = {f"{p.name}/{key}": value for p in self.panels for key, value in p.arrays().items()}
        np.savez_compressed(stem.with_suffix(".npz"), allow_pickle=False, **arrays)
        return stem.with_suffix(".png")


def shared_umap(
    runs: Sequence[Path],
    by: ColouredBy,
    layers: Sequence[str] | None = None,
    epoch: int | None = None,
    max_neurons: int = 1000,
) -> SharedUMAP:
    """Embed the neurons of several runs together.

    Args:
        runs: folders of runs.
        by: what the colours tell apart.
        layers: names of the layers to take, all unless given.
        epoch: of the checkpoint, each run's last unless given.
        max_neurons: of each layer of each run; of more, so many are sampled.

    Raises:
        UserError: if a run has no neuron vectors, no run has such a layer, or the runs cannot be compared.
    """
    sets = [one for run in runs for one in load_neuron_sets(run, epoch)]
    known = list(dict.fromkeys(one.layer for one in sets))
    if wrong := sorted(set(layers or ()) - set(known)):
        raise UserError(f"the runs have no layer '{wrong[0]}'; they have {', '.join(known)}.")
    sets = [_sampled(one, max_neurons) for one in sets if one.layer in (layers or known)]
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
    return [
        shared_embedding(members, [str(getattr(one, by)) for one in members], name)
        for name, members in together.items()
    ]


def load_neuron_sets(run: Path, epoch: int | None = None) -> list[NeuronSet]:
    """The vectors that ``NeuronClusters`` saved at one checkpoint of a run.

    Args:
        run: its folder.
        epoch: of the checkpoint, the last unless given.

    Raises:
        RunError: if there are none.
    """
    if not run.is_dir():
        raise RunError(f"there is no run '{run}'.")
    found = {int(p.parent.name.partition("=")[2]): p for p in run.glob(f"analyses/epoch=*/{FOLDER}")}
    if not found:
        raise RunError(f"'{run}' has no neuron vectors; train or test it with the callback NeuronClusters.")
    chosen = max(found) if epoch is None else epoch
    if chosen not in found:
        raise RunError(f"'{run}' has none of epoch {chosen}; it has {', '.join(map(str, sorted(found)))}.")
    config = run / "config.yaml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8")) if config.is_file() else {}
    sets = []
    for path in sorted(found[chosen].glob("*.npz")):
        with np.load(path, allow_pickle=False) as saved:
            sets.append(
                NeuronSet(
                    run=run.name,
                    seed=str(settings.get("seed_everything", "unknown")),
                    architecture=str(saved["architecture"]),
                    layer=str(saved["layer"]),
                    epoch=chosen,
                    neighbours=int(saved["neighbours"]),
                    cluster_areas=saved["cluster_areas"],
                    neurons=saved["neurons"],
                    vectors=saved["vectors"],
                )
            )
    return sets


def _sampled(one: NeuronSet, most: int) -> NeuronSet:
    chosen = sample_neurons(len(one.neurons), most)
    return replace(one, neurons=one.neurons[chosen], vectors=one.vectors[chosen])
