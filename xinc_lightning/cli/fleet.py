"""``xinc fleet``: many fits, over clips, seeds and settings."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.console import Parser, fail, one_line_errors, say
from xinc_lightning.cli.fleet_table import FleetTable
from xinc_lightning.errors import UserError
from xinc_lightning.runs.records import parse_yaml
from xinc_lightning.studies.fleet.fleet import Engine, carry_out, missing
from xinc_lightning.studies.fleet.plan import Plan, make_plan, read_plan
from xinc_lightning.studies.fleet.pool import Pool
from xinc_lightning.studies.fleet.state import command, runs_of

INTERRUPTED = 130


def main(args: Sequence[str]) -> None:
    """Carry out a plan; exits with 1 if a fit failed, with 130 if it was stopped."""
    parser = _parser()
    options = parser.parse_args(args)
    if (options.plan is None) == (options.config is None):
        parser.error("give a plan, or --config with the options of one")
    with one_line_errors("fleet"):
        plan = _plan(options)
        cells = missing(plan)
        if options.commands:
            runs = runs_of(plan)
            for cell in cells:
                print(shlex.join(["lightning", *command(cell, runs.get(cell.name))]))
            return
        done = len(plan.cells) - len(cells)
        say(f"{plan.name}: {len(plan.cells)} fits in {plan.runs}, {done} are done")
        if not cells:
            return
        from xinc_lightning.cli.fleet_check import check_cells

        check_cells(cells)
        with FleetTable(len(plan.cells), done) as table:
            statuses = carry_out(cells, _engine(options), table.show)
    failed = [status for status in statuses if status.state == "failed"]
    stopped = [status for status in statuses if status.state in ("stopped", "waiting")]
    for status in failed:
        say(f"failed: {status.cell.name}: {status.reason}")
    if stopped:
        again = shlex.join(["xinc", "fleet", *args])
        say(
            f"stopped; {len(plan.cells) - len(stopped) - len(failed)} of {len(plan.cells)} fits are done. To go on: {again}"
        )
        raise SystemExit(INTERRUPTED)
    if failed:
        fail(f"{len(failed)} of {len(plan.cells)} fits failed; their logs are in '{plan.runs / 'logs'}'.")
    say(f"all {len(plan.cells)} fits are done; their runs are in {plan.runs}")


def _engine(options: Any) -> Engine:
    return Pool(options.workers)


def _plan(options: Any) -> Plan:
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
        parsed = [parse_yaml(value.encode()) for value in values]
        axis[key] = parsed if len(values) > 1 else parsed[0]
    return make_plan({"name": options.name, "config": options.config, "set": fixed, "grid": grid}, shipped)


def _parser() -> Parser:
    parser = Parser(
        prog="xinc fleet",
        description="Train many networks: a plan's grid over clips, seeds and settings. What is done is not done again.",
    )
    parser.add_argument(
        "plan", nargs="?", type=Path, metavar="PLAN.yaml", help="a plan, such as fleet_demo.yaml"
    )
    parser.add_argument("--workers", type=_positive, default=1, help="fits at once on this machine")
    parser.add_argument(
        "--commands", action="store_true", help="print the command of each missing fit, and end"
    )
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


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
