"""``xinc fleet``: many fits, over clips, seeds and settings."""

import argparse
import math
import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.console import Parser, fail, one_line_errors, say
from xinc_lightning.cli.fleet_table import FleetTable
from xinc_lightning.errors import INTERRUPTED, UserError
from xinc_lightning.runs.records import parse_yaml
from xinc_lightning.runs.untrusted import UnreadableError
from xinc_lightning.studies.fleet.fleet import Engine, alone_with, carry_out, missing
from xinc_lightning.studies.fleet.plan import Cell, Plan, make_plan, read_plan
from xinc_lightning.studies.fleet.pool import Pool
from xinc_lightning.studies.fleet.state import LOGS, command, runs_of
from xinc_lightning.studies.fleet.status import Status
from xinc_lightning.text import counted

GIGABYTE = 1_000_000_000


def main(args: Sequence[str]) -> None:
    """Carry out a plan; exits with 1 if a fit failed, with 130 if it was stopped."""
    parser = _parser()
    options = parser.parse_args(args)
    if (options.plan is None) == (options.config is None):
        parser.error("give a plan, or --config with the options of one")
    with one_line_errors("fleet"):
        plan = _plan(options)
        if options.commands:
            _print_commands(plan)
            return
        statuses = train_missing(plan, lambda: engine_of(options, plan.runs))
    failed = [status for status in statuses if status.state == "failed"]
    stopped = [status for status in statuses if status.state in ("stopped", "waiting")]
    for status in failed:
        say(f"failed: {status.cell.name}: {status.reason}")
    if stopped:
        finished = len(plan.cells) - len(stopped) - len(failed)
        again = shlex.join(["xinc", "fleet", *args])
        say(f"stopped; {finished} of {len(plan.cells)} fits are done. To go on: {again}")
        raise SystemExit(INTERRUPTED)
    if failed:
        fail(
            f"fleet: {len(failed)} of {len(plan.cells)} fits failed; their logs are in '{plan.runs / LOGS}'."
        )
    say(f"all {len(plan.cells)} fits are done; their runs are in {plan.runs}")


def _print_commands(plan: Plan) -> None:
    cells, runs = missing(plan), runs_of(plan)
    _check(cells)
    for cell in cells:
        say(shlex.join(["lightning", *command(cell, runs.get(cell.name))]))


def train_missing(plan: Plan, engine: Callable[[], Engine]) -> list[Status]:
    """Check and run the fits of a plan that are not done, and show how far they are.

    Args:
        plan: the fits.
        engine: makes what runs them, if there is anything to run.

    Returns:
        How each of them ended.

    Raises:
        UserError: if another fleet is training them, or a command is not valid.
    """
    cells = missing(plan)
    done = len(plan.cells) - len(cells)
    say(f"{plan.name}: {counted(len(plan.cells), 'fit')} in {plan.runs}, {done} are done")
    if not cells:
        return []
    with alone_with(plan.runs):
        _check(cells)
        with FleetTable(len(plan.cells), done) as table:
            return carry_out(cells, engine(), table.show)


def _check(cells: Sequence[Cell]) -> None:
    """See :func:`~xinc_lightning.cli.fleet_check.check_cells`; its imports take seconds, and memory beside a plan's."""
    from xinc_lightning.cli.fleet_check import check_cells

    check_cells(cells)


def engine_of(options: argparse.Namespace, runs: Path) -> Engine:
    """What runs the fits: processes of this machine, or Ray."""
    if options.ray is None:
        return Pool(options.workers)
    from xinc_lightning.studies.fleet.on_ray import RayEngine

    memory = round(options.memory * GIGABYTE)
    return RayEngine(options.ray, runs, options.cpus, options.gpus, memory)


def _plan(options: argparse.Namespace) -> Plan:
    """The plan of a file, or that of the options."""
    shipped = shipped_configs()
    if options.plan is not None:
        return read_plan(options.plan, shipped)
    grid: dict[str, Any] = {}
    fixed = {"data.path": options.path} if options.path else {}
    if options.clips:
        grid["clips"] = "all" if options.clips == ["all"] else options.clips
    if options.seeds:
        grid["seeds"] = options.seeds
    for key, *values in options.set:
        if not values:
            raise UserError(f"--set {key} needs a value, such as --set {key} 16 32.")
        axis: dict[str, Any] = grid if len(values) > 1 else fixed
        parsed = [_parsed(key, value) for value in values]
        axis[key] = parsed if len(values) > 1 else parsed[0]
    return make_plan({"name": options.name, "config": options.config, "set": fixed, "grid": grid}, shipped)


def _parsed(key: str, value: str) -> Any:
    """A value as a plan would have it."""
    try:
        return parse_yaml(value.encode())
    except UnreadableError as error:
        raise UserError(f"--set {key}: '{value}' {error}.") from None


def _parser() -> Parser:
    parser = Parser(
        prog="xinc fleet",
        description="Train many networks: a grid over clips, seeds and settings. What is done is not done again.",
    )
    parser.add_argument(
        "plan", nargs="?", type=Path, metavar="PLAN.yaml", help="a plan, such as fleet_demo.yaml"
    )
    parser.add_argument(
        "--commands", action="store_true", help="print the command of each missing fit, and end"
    )
    add_engine_options(parser)
    simple = parser.add_argument_group("instead of a plan")
    simple.add_argument(
        "--config", action="append", metavar="CONFIG", help="of all fits; may be given several times"
    )
    simple.add_argument("--name", default="fleet", help="of the fleet; its runs are in runs/NAME")
    simple.add_argument("--data.path", dest="path", help="a dataset, or a clip")
    simple.add_argument("--clips", nargs="+", metavar="ID", help="of the dataset, or `all`")
    simple.add_argument("--seeds", nargs="+", type=int, metavar="SEED")
    simple.add_argument(
        "--set",
        nargs="+",
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="values of a key of the config",
    )
    return parser


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """The options of :func:`engine_of`."""
    parser.add_argument("--workers", type=_workers, default=1, help="fits at once on this machine")
    cluster = parser.add_argument_group("on Ray, instead of --workers")
    cluster.add_argument(
        "--ray",
        metavar="auto|ADDRESS",
        help="a cluster; auto is that of this machine, started if there is none",
    )
    cluster.add_argument("--cpus", type=partial(_amount, none=False), default=1, help="of each fit")
    cluster.add_argument("--gpus", type=_amount, default=0, help="of each fit; 0.25 has four share one")
    cluster.add_argument("--memory", type=_amount, default=0, help="of each fit, in GB")


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text!r}")
    return int(text)


def _amount(text: str, none: bool = True) -> float:
    with suppress(ValueError):
        value = float(text)
        if 0 < value < math.inf or (none and value == 0):
            return value
    raise argparse.ArgumentTypeError(f"must be {'0 or more' if none else 'more than 0'}, got {text!r}")
