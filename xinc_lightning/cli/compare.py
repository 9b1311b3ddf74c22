"""``xinc compare``: several runs in one table and on one axis."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xinc_lightning.cli.console import Parser, note, reading_runs, say
from xinc_lightning.figures import figure_file
from xinc_lightning.runs.atomic import save
from xinc_lightning.runs.reader import read_run
from xinc_lightning.studies.comparison import (
    MATCHED_DB,
    Comparison,
    Matching,
    compare,
    csv_table,
    markdown_table,
    readable,
)
from xinc_lightning.studies.overlays import MOST_PANELS, MOST_ROWS, figures_of
from xinc_lightning.text import printable

BESIDE = 6
"""Runs that the terminal shows beside each other; of more it shows a line each."""

LONGEST = 2000
"""Lines of the table in the terminal; the files have all."""


def main(args: Sequence[str]) -> None:
    """Print the table; write it as CSV and Markdown, and the figures."""
    options = _parser().parse_args(args)
    with reading_runs("compare") as runs:
        runs += [read_run(path) for path in options.runs]
        comparison = compare(runs, options.at)
        figures, left_out = figures_of(comparison)
        out = Path(options.out)
        save(out / "table.csv", csv_table(comparison).encode())
        save(out / "table.md", markdown_table(comparison).encode())
        for name, figure in figures.items():
            save(out / f"{name}.png", figure_file(figure, "png"))
    Console(width=200).print(_table(comparison) if len(runs) <= BESIDE else _list(comparison))
    reached = [snapshot.psnr for snapshot in comparison.snapshots]
    if options.at == "psnr" and max(reached) - min(reached) > MATCHED_DB:
        note(f"the PSNRs are {max(reached) - min(reached):.1f} dB apart, no snapshots are nearer.")
    if left_out:
        note(
            f"not drawn, since more than {MOST_PANELS} panels or {MOST_ROWS} rows could not be read: "
            f"{', '.join(left_out)}."
        )
    say(f"{len(figures)} figures and the table as CSV and Markdown are in {out}")


def _table(comparison: Comparison) -> Table:
    table = Table(box=None)
    for heading in ("layer", "analysis", "quantity"):
        table.add_column(heading, no_wrap=True)
    for label in comparison.labels:
        table.add_column(Text(printable(label)), justify="right", no_wrap=True)
    earlier = ("", "")
    rows = comparison.rows()
    if len(rows) > LONGEST:
        note(f"{LONGEST:,} of {len(rows):,} lines are shown; the files have all.")
    for row in rows[:LONGEST]:
        group = (row.place, row.analysis)
        shown = group if group != earlier else ("", "")
        table.add_row(*_cells(*shown, row.name, *map(readable, row.values)))
        earlier = group
    return table


def _list(comparison: Comparison) -> Table:
    """A line a run, without what is of single layers: many columns could not be read."""
    table = Table("run", box=None)
    rows = comparison.summary()
    for row in rows:
        table.add_column(row.name, justify="right")
    for number, label in enumerate(comparison.labels):
        table.add_row(*_cells(label, *(readable(row.values[number]) for row in rows)))
    return table


def _cells(*texts: str) -> list[Text]:
    return [Text(printable(text)) for text in texts]


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
