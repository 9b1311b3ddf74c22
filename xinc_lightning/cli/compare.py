"""``xinc compare``: several runs in one table and on one axis."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table

from xinc_lightning import overlays
from xinc_lightning.cli.console import Parser, fail
from xinc_lightning.compare import Comparison, Matching, compare, csv_table, markdown_table, readable
from xinc_lightning.figures import Figure, overlay
from xinc_lightning.runs.reader import RunError, read_run

MATCHED_DB = 1.0
"""Of PSNR, beyond which runs at matched PSNR are said not to match."""


def main(args: Sequence[str]) -> None:
    """Print the table; write it as CSV and Markdown, and the figures."""
    options = _parser().parse_args(args)
    try:
        comparison = compare([read_run(path) for path in options.runs], options.at)
        figures = figures_of(comparison)
    except RunError as error:
        fail(f"compare: {error}")
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.csv").write_text(csv_table(comparison))
    (out / "table.md").write_text(markdown_table(comparison))
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png")
    Console(width=200).print(_table(comparison))
    reached = [checkpoint.psnr for checkpoint in comparison.checkpoints]
    if options.at == "psnr" and max(reached) - min(reached) > MATCHED_DB:
        print(
            f"note: the PSNRs are {max(reached) - min(reached):.1f} dB apart, no analysed checkpoints are nearer."
        )
    print(f"{len(figures)} figures and the table as CSV and Markdown are in {out}")


def figures_of(comparison: Comparison) -> dict[str, Figure]:
    """Every figure for which the runs have numbers, by name.

    Raises:
        RunError: if a file is damaged.
    """
    epochs = [checkpoint.epoch for checkpoint in comparison.checkpoints]
    at = (
        f"epoch {epochs[0]}"
        if len(set(epochs)) == 1
        else f"epochs {', '.join(map(str, epochs))} (as in the legend)"
    )
    titles = {
        "quality": "PSNR over training",
        "variance": f"Variance over groups of pixels · {at}",
        "pixels_per_neuron": f"Pixels at which a neuron exceeds an equal share · {at}",
        "neurons_per_pixel": f"Neurons that count at a pixel · {at}",
        "intensity": f"Contribution against intensity and edges · {at}",
    }
    rows = {
        "quality": overlays.quality(comparison),
        "variance": overlays.sorted_variances(comparison),
        "pixels_per_neuron": overlays.pixels_per_neuron_histograms(comparison),
        "neurons_per_pixel": overlays.neurons_per_pixel_distributions(comparison),
        "intensity": overlays.intensity_correlations(comparison),
    }
    figures = {
        name: overlay(panels, comparison.labels, titles[name], points=name == "intensity")
        for name, panels in rows.items()
        if panels
    }
    followed = any(len(run.checkpoints) > 1 for run in comparison.runs)
    for over in ("epoch", "psnr") if followed else ():
        for analysis, panels in overlays.evolutions(comparison, over).items():
            title = f"{analysis} over {'epochs' if over == 'epoch' else 'PSNR'}"
            figures[f"evolution_{analysis}_by_{over}"] = overlay(
                panels, comparison.labels, title, points=True
            )
    return figures


def _table(comparison: Comparison) -> Table:
    table = Table(box=None)
    for heading in ("layer", "analysis", "quantity"):
        table.add_column(heading, no_wrap=True)
    for label in comparison.labels:
        table.add_column(label, justify="right", no_wrap=True)
    earlier = ("", "")
    for row in comparison.rows():
        group = (row.place, row.analysis)
        shown = group if group != earlier else ("", "")
        table.add_row(*shown, row.name, *map(readable, row.values))
        earlier = group
    return table


def _parser() -> Parser:
    parser = Parser(prog="xinc compare", description="Compare runs: one table, and figures on one axis.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs")
    parser.add_argument(
        "--at",
        choices=get_args(Matching),
        default="last",
        help="each run's last checkpoint, the latest epoch all have, or the highest PSNR all reach",
    )
    parser.add_argument("--out", default="compare", help="folder to write to")
    return parser
