"""``xinc umap``: the neurons of several runs in one embedding (§4.6, Figs 10, 14)."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from xinc_lightning.analyses import NeuronSet, SharedEmbedding, sample_neurons, shared_embedding
from xinc_lightning.cli.console import Parser, fail
from xinc_lightning.figures import embedding_by_group

COLOURED_BY = ("seed", "layer", "architecture", "run")
FOLDER = "neuron_clusters"


def main(args: Sequence[str]) -> None:
    """Embed the runs' neurons together; write a figure, its numbers and the settings."""
    options = _parser().parse_args(args)
    if options.max_neurons < 1:
        fail(f"umap: --max_neurons is {options.max_neurons}; it must be 1 or more.", 2)
    sets = [one for run in options.runs for one in load_neuron_sets(run, options.epoch)]
    layers = list(dict.fromkeys(one.layer for one in sets))
    wrong = sorted(set(options.layers or ()) - set(layers))
    if wrong:
        fail(f"umap: the runs have no layer '{wrong[0]}'; they have {', '.join(layers)}.")
    sets = [_sampled(one, options.max_neurons) for one in sets if one.layer in (options.layers or layers)]
    try:
        panels = embed_sets(sets, options.by)
    except ValueError as error:
        fail(str(error))
    runs = list(dict.fromkeys(one.run for one in sets))
    epochs = sorted({one.epoch for one in sets})
    number = f"{len(runs)} run" + "s" * (len(runs) > 1)
    title = f"Neurons of {number}, by {options.by} · epoch {', '.join(map(str, epochs))}"
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    embedding_by_group(panels, options.by, title).savefig(out / f"umap_by_{options.by}.png")
    settings = {"runs": [str(run) for run in options.runs], "by": options.by, "seed": 42}
    record = {**settings, "epochs": epochs, "mixing": {p.name: p.scalars().get("mixing") for p in panels}}
    (out / f"umap_by_{options.by}.json").write_text(json.dumps(record, indent=1))
    arrays = {f"{p.name}/{key}": value for p in panels for key, value in p.arrays().items()}
    np.savez_compressed(out / f"umap_by_{options.by}.npz", allow_pickle=False, **arrays)
    for panel in panels:
        measured = "".join(f", mixing {value:.2f}" for value in panel.scalars().values())
        print(f"{panel.name:24} {len(panel.positions):6,} neurons in {len(panel.groups)} groups{measured}")
    print(f"the figure is {out / f'umap_by_{options.by}.png'}")


def embed_sets(sets: Sequence[NeuronSet], by: str) -> list[SharedEmbedding]:
    """One embedding for each layer of each architecture if runs are compared, else one of everything.

    Raises:
        ValueError: if the sets cannot be compared.
    """
    together: dict[str, list[NeuronSet]] = defaultdict(list)
    for one in sets:
        together[f"{one.architecture} {one.layer}" if by in ("seed", "run") else "all layers"].append(one)
    return [
        shared_embedding(members, [str(getattr(one, by)) for one in members], name)
        for name, members in together.items()
    ]


def load_neuron_sets(run: Path, epoch: int | None = None) -> list[NeuronSet]:
    """The vectors that ``NeuronClusters`` saved at one checkpoint of a run; the command ends without them.

    Args:
        run: its folder.
        epoch: of the checkpoint, the last unless given.
    """
    if not run.is_dir():
        fail(f"umap: there is no run '{run}'.")
    found = {int(p.parent.name.partition("=")[2]): p for p in run.glob(f"analyses/epoch=*/{FOLDER}")}
    if not found:
        fail(f"umap: '{run}' has no neuron vectors; train or test it with the callback NeuronClusters.")
    chosen = max(found) if epoch is None else epoch
    if chosen not in found:
        fail(f"umap: '{run}' has none of epoch {chosen}; it has {', '.join(map(str, sorted(found)))}.")
    config = run / "config.yaml"
    settings = yaml.safe_load(config.read_text()) if config.is_file() else {}
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


def _parser() -> Parser:
    parser = Parser(prog="xinc umap", description="Embed the neurons of several runs together, by UMAP.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs")
    parser.add_argument("--by", choices=COLOURED_BY, default="seed", help="what the colours tell apart")
    parser.add_argument("--layers", nargs="+", metavar="LAYER", help="only these layers")
    parser.add_argument("--epoch", type=int, help="checkpoint to compare; each run's last unless given")
    parser.add_argument(
        "--max_neurons", type=int, default=1000, help="of each layer of each run; more are sampled"
    )
    parser.add_argument("--out", default="umap", help="folder to write to")
    return parser
