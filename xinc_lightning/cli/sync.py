"""``xinc sync``: send what a W&B server has not got of a run, from the run's folder."""

from collections.abc import Sequence
from pathlib import Path

from xinc_lightning.cli.console import Parser, one_line_errors


def main(args: Sequence[str]) -> None:
    """Send one run after another."""
    parser = Parser("xinc sync", description="Send what the W&B server has not got of a run, each row once.")
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="a run's folder, such as runs/nerv-001"
    )
    options = parser.parse_args(args)
    from xinc_lightning.loggers.wandb_sync import send_run  # torch and wandb, only when needed

    for run in options.runs:
        with one_line_errors():
            print(f"{run}: {send_run(run)}")
