"""Run folders: one for each command, never shared, found again by name."""

import itertools
import re
from pathlib import Path

CHECKPOINTS = "checkpoints"


def new_run(root: Path, name: str) -> Path:
    """Make and return the folder ``<root>/<name>-NNN`` with the next free number.

    Two processes that ask at once get two folders.
    """
    root.mkdir(parents=True, exist_ok=True)
    taken = [int(m[1]) for p in root.iterdir() if (m := re.fullmatch(re.escape(name) + r"-(\d+)", p.name))]
    for number in itertools.count(max(taken, default=0) + 1):
        run = root / f"{name}-{number:03d}"
        try:
            run.mkdir()
        except FileExistsError:
            continue
        return run
    raise AssertionError("there is always a next number")


def find_checkpoint(root: Path, name: str, which: str) -> Path:
    """The checkpoint that ``last`` or ``best`` stands for: that of the newest run of this name which has one.

    Raises:
        FileNotFoundError: if no run of this name has such a checkpoint.
    """
    found = [*root.glob(f"{name}-*/{CHECKPOINTS}/{which}*.ckpt")]
    if not found:
        other = {"best": "last", "last": "best"}[which]
        if [*root.glob(f"{name}-*/{CHECKPOINTS}/{other}*.ckpt")]:
            raise FileNotFoundError(
                f"ckpt_path={which}: the runs named '{name}' in '{root}' were not validated yet and have only a "
                f"checkpoint to be had as --ckpt_path {other}."
            )
        raise FileNotFoundError(
            f"ckpt_path={which}: no run named '{name}' in '{root}' has a {which} checkpoint. Give the path of a "
            f"file, or train one first with `lightning fit`."
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def run_of(checkpoint: Path) -> Path | None:
    """The run folder a checkpoint lies in, if it lies in one."""
    return checkpoint.parent.parent if checkpoint.parent.name == CHECKPOINTS else None
