"""Names of the files and folders in a run, for all code that writes or reads them.

    nerv-001/
        config.yaml  hparams.yaml  metrics.csv  metrics-part1.csv  report.json  report.html  .lock
        checkpoints/    last.ckpt  best-epoch=0200-psnr=34.51.ckpt
        analyses/       epoch=0100/  epoch=0200/          a snapshot each
        frames/         from predict
        wandb/          wandb's own
        evolution/      from xinc evolution

A snapshot, the saved analyses of one epoch, holds ``scalars.json``, ``settings.json``, ``seconds.json``,
``neurons.csv``, figures as ``<analysis>.png`` or ``<analysis>/<layer>.png``, the arrays behind them as
``<analysis>/<layer>.npz``, and the network itself as ``weights.safetensors``.
"""

import re
from pathlib import Path

CONFIG = "config.yaml"
METRICS = "metrics.csv"
REPORT = "report.json"
PAGE = "report.html"
LOCK = ".lock"

CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"

ANALYSES = "analyses"
SCALARS = "scalars.json"
SETTINGS = "settings.json"
SECONDS = "seconds.json"
NEURONS = "neurons.csv"
WEIGHTS = "weights.safetensors"

SUMMARY = "summary.json"
"""In the folder of a summary of runs, which is none itself."""

FRAMES = "frames"
WANDB = "wandb"
EVOLUTION = "evolution"


def snapshot_name(epoch: int) -> str:
    """Folder of the analyses after so many epochs.

    >>> snapshot_name(20)
    'epoch=0020'
    """
    return f"epoch={epoch:04d}"


def snapshot_folders(analyses: Path) -> dict[int, Path]:
    """The snapshots in a run's ``analyses``, ordered by epoch; folders with other names are ignored."""
    found = {
        int(match[1]): path
        for path in analyses.glob("epoch=*")
        if (match := re.fullmatch(r"epoch=([0-9]{1,9})", path.name)) and path.is_dir()
    }
    return dict(sorted(found.items()))


def metrics_part(number: int) -> str:
    """File for the rows that a resumed run repeats.

    >>> metrics_part(1)
    'metrics-part1.csv'
    """
    return f"metrics-part{number}.csv"


def metrics_files(run: Path) -> list[Path]:
    """The existing metrics files of a run, those of earlier parts first."""
    parts = sorted(run.glob("metrics-part*.csv"), key=lambda path: (len(path.name), path.name))
    return [*parts, *([run / METRICS] if (run / METRICS).exists() else [])]
