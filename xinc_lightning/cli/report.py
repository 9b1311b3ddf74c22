"""``xinc report``: runs as one page that connects pixels to neurons."""

from collections.abc import Sequence
from pathlib import Path

from xinc_lightning.cli.console import Parser, reading_runs, say
from xinc_lightning.explorer import build_page
from xinc_lightning.runs.atomic import save
from xinc_lightning.runs.layout import PAGE
from xinc_lightning.runs.reader import read_run


def main(args: Sequence[str]) -> None:
    """Write the page, and say where it is, how large, and what is missing."""
    options = _parser().parse_args(args)
    with reading_runs("report") as runs:
        runs += [read_run(run) for run in options.runs]
        page = build_page(runs)
        out = options.out or options.runs[0] / PAGE
        save(out, page.encode())
    say(f"{out} ({len(page.encode()) / 1e6:.1f} MB): open it in a browser.")


def _parser() -> Parser:
    parser = Parser(
        prog="xinc report",
        description="Write one HTML page of runs: pixels and their neurons, figures and curves over epochs.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs, side by side")
    parser.add_argument("--out", type=Path, help="file to write; report.html in the first run unless given")
    return parser
