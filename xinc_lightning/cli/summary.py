"""``xinc summary``: what holds across runs of many clips and seeds."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.console import Parser, note, reading_runs, say
from xinc_lightning.cli.study_log import log_study, write_record
from xinc_lightning.errors import UserError
from xinc_lightning.figures import figure_file
from xinc_lightning.runs.atomic import save
from xinc_lightning.runs.layout import ANALYSES
from xinc_lightning.runs.reader import Run, read_run
from xinc_lightning.studies.fleet.plan import read_plan
from xinc_lightning.studies.fleet.state import runs_of
from xinc_lightning.studies.summary import Summary, summarise
from xinc_lightning.studies.summary_figures import figures_of
from xinc_lightning.studies.summary_tables import interval_text, markdown, tables
from xinc_lightning.text import printable

PLANS = (".yaml", ".yml")

MOST_NOTED = 10
"""Runs of which the terminal says why they are left out; the Markdown says more."""


def main(args: Sequence[str]) -> None:
    """Print the verdicts; write everything as Markdown, CSV and figures, and to W&B if the runs were logged there."""
    options = _parser().parse_args(args)
    out = Path(options.out)
    with reading_runs("summary") as runs:
        runs += _read([folder for path in options.runs for folder in _folders(path)])
        summary = summarise(runs)
        numbers = tables(summary)
        for name, table in numbers.items():
            save(out / f"{name}.csv", table.encode())
        save(out / "summary.md", markdown(summary).encode())
        figures, undrawn = figures_of(summary)
        for name, figure in figures.items():
            save(out / f"{name}.png", figure_file(figure, "png"))
        write_record(out, summary.title, [*figures], [*numbers], summary.scalars(), summary.config())
    Console(width=200).print(_table(summary))
    left_out = summary.population.left_out
    for sentence in left_out[:MOST_NOTED]:
        note(sentence)
    if len(left_out) > MOST_NOTED:
        note(f"{len(left_out) - MOST_NOTED} more runs are left out.")
    if undrawn:
        note(f"the tables have more pairs of settings than there are figures, such as {undrawn[0]}.")
    say(f"{len(figures)} figures, summary.md and {len(numbers)} tables as CSV are in {out}")
    log_study(out, summary.population.runs, summary.config(), "summary")


def _folders(path: Path) -> list[Path]:
    """The run that a path is, or the runs that a plan has so far.

    Raises:
        UserError: if there is no such plan, or none of its fits has begun.
    """
    if path.suffix not in PLANS or path.is_dir():
        return [path]
    plan = read_plan(path, shipped_configs())
    there = [*runs_of(plan).values()]
    if not there:
        raise UserError(f"no fit of the plan '{path}' has begun; `xinc fleet {path}` carries it out.")
    if len(there) < len(plan.cells):
        note(f"{plan.name}: {len(plan.cells) - len(there)} of {len(plan.cells)} fits have not begun.")
    return there


def _read(paths: Sequence[Path]) -> list[Run]:
    """Runs that have analyses; one that has only begun is noted and left out.

    Raises:
        RunError: if there is no such run, or none has analyses.
    """
    begun = [path for path in paths if path.is_dir() and not any(path.glob(f"{ANALYSES}/epoch=*"))]
    if len(begun) == len(paths):
        return [read_run(path) for path in paths]  # the first of them says what is missing
    others = set(paths) - set(begun)
    for path in begun[:MOST_NOTED]:
        note(f"{path} has no analyses yet and is left out.")
    if len(begun) > MOST_NOTED:
        note(f"{len(begun) - MOST_NOTED} more runs have none yet.")
    return [read_run(path) for path in paths if path in others]


def _table(summary: Summary) -> Table:
    table = Table("finding", "setting", "layer", "mean [95 %]", "clips", "agree", "verdict", box=None)
    earlier = ""
    for one in summary.answers:
        finding = one.finding.name
        cells = (
            *("" if finding == earlier else finding, one.setting, one.layer, interval_text(one.estimate)),
            *(str(one.estimate.clips), f"{one.agreeing} of {one.estimate.clips}", one.verdict),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
        earlier = finding
    return table


def _parser() -> Parser:
    parser = Parser(
        prog="xinc summary",
        description="What holds across runs: distributions over clips and seeds, paired comparisons, and the paper's "
        "findings with their intervals.",
    )
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN|PLAN", help="folders of runs, or the plan of a fleet"
    )
    parser.add_argument("--out", default="summary", help="folder to write to")
    return parser
