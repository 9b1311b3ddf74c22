"""``xinc prune``: what is left of networks when kernels are taken out, by several scores or by hand."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xinc_lightning.cli.console import Parser, one_line_errors, say
from xinc_lightning.cli.prune_mask import prune_by_mask
from xinc_lightning.cli.study_log import log_study, write_record
from xinc_lightning.compression import MAX_BITS, MIN_BITS
from xinc_lightning.errors import UserError
from xinc_lightning.figures import figure_file
from xinc_lightning.figures.pruning import pruning_curves
from xinc_lightning.pruning import ALLOCATIONS, SCORES, Unit
from xinc_lightning.runs.atomic import save
from xinc_lightning.runs.reader import read_run
from xinc_lightning.studies.pruning import Method, PruningCurves, Settings, prune_runs
from xinc_lightning.text import printable

BY = (
    *("contribution", "contribution:mean", "first-order", "first-order:global"),
    *("magnitude", "magnitude:global", "magnitude:size", "random"),
)
"""The methods that are compared unless others are given; ``magnitude:size`` is HiNeRV's."""

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def main(args: Sequence[str]) -> None:
    """Print a table of PSNR by method and share; write the curves as CSV, NPZ and a figure.

    With a mask, prune exactly its neurons, and write the network's file.
    """
    parser = _parser()
    options = parser.parse_args(args)
    with one_line_errors("prune"):
        if not MIN_BITS <= options.bits <= MAX_BITS:
            raise UserError(f"bits must be between {MIN_BITS} and {MAX_BITS}, got {options.bits}.")
        if options.mask:
            for name in ("by", "unit", "shares", "fold", "frames"):
                if getattr(options, name) != parser.get_default(name):
                    raise UserError(f"--{name} says what is pruned, and so does --mask; give one of the two.")
            prune_by_mask(options.runs, options.mask, options.bits, options.out)
            return
        if not all(0 <= share < 1 for share in options.shares):
            raise UserError(
                f"shares that are pruned lie in [0, 1), got {' '.join(map(str, options.shares))}."
            )
        settings = Settings(
            methods=tuple(dict.fromkeys(Method.parse(text) for text in options.by)),
            shares=tuple(sorted(set(options.shares))),
            unit=options.unit,
            fold=options.fold,
            scoring=options.frames,
            bits=options.bits,
        )
        curves = prune_runs(options.runs, settings, lambda what: say(f"pruning {what}"))
        out = options.out
        save(out / "pruning.csv", curves.csv().encode())
        arrays = io.BytesIO()
        np.savez_compressed(arrays, **curves.arrays())  # type: ignore[arg-type]
        save(out / "pruning.npz", arrays.getvalue())
        folded = ", means folded into biases" if settings.fold else ""
        title = f"Pruning of {', '.join(curves.runs)} by {settings.unit}{folded}, no training after it"
        figure = pruning_curves(curves.values, [str(m) for m in settings.methods], title)
        save(out / "pruning.png", figure_file(figure, "png"))
        write_record(out, title, ["pruning"], ["pruning"], curves.scalars(), curves.config())
    Console(width=200).print(_table(curves))
    say(f"the curves as a figure, CSV and NPZ are in {out}")
    runs = [read_run(run, analysed=False) for run in options.runs]
    log_study(out, runs, curves.config(), "pruning")


def _table(curves: PruningCurves) -> Table:
    """PSNR at each share, and what the first method is worth against each."""
    table = Table(title=Text("PSNR (dB) by share pruned"), title_justify="left", box=None)
    table.add_column("by", no_wrap=True)
    for share in curves.settings.shares:
        table.add_column(f"{100 * share:g} %", justify="right", no_wrap=True)
    table.add_column("dB of the first", justify="right", no_wrap=True)
    table.add_column("bytes of the first", justify="right", no_wrap=True)
    for number, method in enumerate(curves.settings.methods):
        psnr = curves.values["psnr"][:, number]
        gains = ("", "")
        if number:
            db, change = curves.gains(0, number)
            gains = (_spread(db, "+.2f"), _spread(100 * change, "+.1f") + " %")
        table.add_row(
            printable(str(method)), *(_spread(psnr[:, s], ".2f") for s in range(psnr.shape[1])), *gains
        )
    return table


def _spread(values: np.ndarray, form: str) -> str:
    """Mean over runs, with ± the standard deviation where there are several; – where it is not defined."""
    if np.isnan(values).any():
        return "–"
    return f"{values.mean():{form}}" + (f"±{values.std(ddof=1):.2f}" if len(values) > 1 else "")


def _parser() -> Parser:
    parser = Parser(
        prog="xinc prune", description="Take kernels out of trained networks, by several scores, and measure."
    )
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folders of runs, such as seeds of one config"
    )
    parser.add_argument(
        "--by",
        nargs="+",
        default=BY,
        metavar="SCORE[:ALLOCATION]",
        help=f"scores ({', '.join(SCORES)}), each with how layers share what goes ({', '.join(ALLOCATIONS)})",
    )
    parser.add_argument("--unit", choices=get_args(Unit), default="kernel", help="what goes at once")
    parser.add_argument(
        "--shares", nargs="+", type=float, default=SHARES, metavar="SHARE", help="that go, each in [0, 1)"
    )
    parser.add_argument("--fold", action="store_true", help="add the means of what goes to the biases")
    parser.add_argument(
        "--frames", type=int, default=4, help="that scores are computed from; PSNR is of the others"
    )
    parser.add_argument(
        "--mask",
        type=Path,
        metavar="FILE",
        help="instead of all this: take out the neurons of a selection that `xinc explore` exported, and no others",
    )
    parser.add_argument("--bits", type=int, default=8, help="per weight of the files")
    parser.add_argument("--out", type=Path, default=Path("prune"), help="folder to write to")
    return parser
