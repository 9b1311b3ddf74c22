"""``xinc compare``: several runs in one table and on one axis."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table

from xinc_lightning.cli.console import Parser, fail, note, note_problems
from xinc_lightning.runs.reader import Run, RunError, read_run
from xinc_lightning.studies.comparison import (
    Comparison,
    Matching,
    compare,
    csv_table,
    markdown_table,
    readable,
)
from xinc_lightning.studies.overlays import figures_of

MATCHED_DB = 1.0
"""Of PSNR, beyond which runs at matched PSNR are said not to match."""


def main(args: Sequence[str]) -> None:
    """Print the table; write it as CSV and Markdown, and the figures."""
    options = _parser().parse_args(args)
    runs: list[Run] = []
    try:
        runs += [read_run(path) for path in options.runs]
        comparison = compare(runs, options.at)
        figures = figures_of(comparison)
    except RunError as error:
        note_problems(runs)
        fail(f"compare: {error}")
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.csv").write_text(csv_table(comparison))
    (out / "table.md").write_text(markdown_table(comparison))
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png")
    Console(width=200).print(_table(comparison))
    reached = [snapshot.psnr for snapshot in comparison.snapshots]
    if options.at == "psnr" and max(reached) - min(reached) > MATCHED_DB:
        note(f"the PSNRs are {max(reached) - min(reached):.1f} dB apart, no snapshots are nearer.")
    note_problems(runs)
    print(f"{len(figures)} figures and the table as CSV and Markdown are in {out}")


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
        help="each run's last analyses, the latest epoch all have, or the highest PSNR all reach",
    )
    parser.add_argument("--out", default="compare", help="folder to write to")
    return parser
