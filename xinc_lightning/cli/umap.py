"""``xinc umap``: the neurons of several runs in one embedding."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from xinc_lightning.cli.console import Parser, fail, reading_runs, say
from xinc_lightning.runs.reader import read_run
from xinc_lightning.studies.shared_umap import ColouredBy, shared_umap
from xinc_lightning.text import counted


def main(args: Sequence[str]) -> None:
    """Embed the runs' neurons together, and say where the figure is and how well the groups mix."""
    options = _parser().parse_args(args)
    if options.max_neurons < 1:
        fail(f"umap: --max_neurons is {options.max_neurons}; it must be 1 or more.", 2)
    with reading_runs("umap") as runs:
        runs += [read_run(path) for path in options.runs]
        shared = shared_umap(runs, options.by, options.layers, options.epoch, options.max_neurons)
        figure = shared.save(Path(options.out))
    for panel in shared.panels:
        measured = "".join(f", mixing {value:.2f}" for value in panel.scalars().values())
        say(
            f"{panel.name:24} {len(panel.positions):6,} neurons in {counted(len(panel.groups), 'group')}{measured}"
        )
    say(f"the figure is {figure}")


def _parser() -> Parser:
    parser = Parser(prog="xinc umap", description="Embed the neurons of several runs together, by UMAP.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs")
    parser.add_argument(
        "--by", choices=get_args(ColouredBy), default="seed", help="what the colours distinguish"
    )
    parser.add_argument("--layers", nargs="+", metavar="LAYER", help="only these layers")
    parser.add_argument(
        "--epoch", type=int, help="which of the analysed epochs; each run's last unless given"
    )
    parser.add_argument(
        "--max_neurons", type=int, default=1000, help="of each layer of each run; more are sampled"
    )
    parser.add_argument("--out", default="umap", help="folder to write to")
    return parser
