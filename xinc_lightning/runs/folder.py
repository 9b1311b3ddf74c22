"""Run folders: one for each command, never shared, found again by name."""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from xinc_lightning.errors import UserError
from xinc_lightning.runs.layout import CHECKPOINTS, LOCK, WANDB
from xinc_lightning.runs.untrusted import is_inside

_locks: list[IO[str]] = []  # the operating system lets go of a lock when its file is closed


def new_run(root: Path, name: str) -> Path:
    """Make and return the folder ``<root>/<name>-NNN`` with the next free number.

    Two processes that ask at once get two folders.

    Raises:
        UserError: if there can be no folder of this name, or nothing may be written into it.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        return _next(root, name)
    except OSError as error:
        raise UserError(
            f"trainer.default_root_dir: no run can be kept in '{root}': {error.strerror}."
        ) from None


def _next(root: Path, name: str) -> Path:
    taken = [int(m[1]) for p in root.iterdir() if (m := re.fullmatch(re.escape(name) + r"-(\d+)", p.name))]
    for number in itertools.count(max(taken, default=0) + 1):
        run = root / f"{name}-{number:03d}"
        try:
            run.mkdir()
        except FileExistsError:
            continue
        return run
    raise AssertionError("there is always a next number")


def discard(run: Path) -> None:
    """Remove the folder of a command that came to nothing, and the folder of runs if it was the first in it.

    Where results of an earlier command are in it, it stays.
    """
    with suppress(OSError):
        if {path.name for path in run.iterdir()} <= {LOCK}:
            (run / LOCK).unlink(missing_ok=True)
            run.rmdir()
            run.parent.rmdir()


def lock(run: Path) -> None:
    """Keep a run to this process until it lets go or ends, however it ends.

    Raises:
        UserError: if another process is training it, or what is written into it would come to lie elsewhere.
    """
    refuse_links(run)
    try:
        import fcntl  # there is none on Windows
    except ImportError:
        return
    with suppress(PermissionError, FileNotFoundError):
        file = (run / LOCK).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"the run '{run}' is being trained by another process.") from None
        except OSError:  # a file system without locks
            return
        _locks.append(file)


def refuse_links(run: Path, part: str = "") -> None:
    """Refuse to write into a run that holds links which lead out of it, or what is neither file nor folder.

    A run that somebody else made could have its ``metrics.csv`` overwrite a file of ours. What wandb keeps in its
    own folder is its own business: it links to its logs elsewhere.

    Args:
        run: the run's folder.
        part: the folder in it that is written into; all of it unless given.

    Raises:
        UserError: names the first one.
    """
    for path in (run / part, *_everything(run / part)):
        if path != run and path.is_symlink() and not is_inside(path, run):
            raise UserError(
                f"'{path}' is a link that leads out of the run; nothing is written there. Remove it first."
            )
        if path.exists() and not (path.is_dir() or path.is_file()):
            raise UserError(f"'{path}' is neither a file nor a folder; remove it first.")


def _everything(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))
        if Path(parent) == folder:
            folders[:] = [name for name in folders if name != WANDB]


def unlock() -> None:
    """Let go of all runs."""
    while _locks:
        _locks.pop().close()


def newest_checkpoint(root: Path, name: str, which: str) -> Path:
    """The checkpoint that ``last`` or ``best`` stands for: that of the newest run of this name which has one.

    Raises:
        UserError: if no run of this name has such a checkpoint.
    """
    found = [*root.glob(f"{name}-*/{CHECKPOINTS}/{which}*.ckpt")]
    if not found:
        other = {"best": "last", "last": "best"}[which]
        if [*root.glob(f"{name}-*/{CHECKPOINTS}/{other}*.ckpt")]:
            raise UserError(
                f"ckpt_path={which}: the runs named '{name}' in '{root}' were not validated yet and have only a "
                f"checkpoint to be had as --ckpt_path {other}."
            )
        raise UserError(
            f"ckpt_path={which}: no run named '{name}' in '{root}' has a {which} checkpoint. Give the path of a "
            f"file, or train one first with `lightning fit`."
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def run_of(checkpoint: Path) -> Path | None:
    """The run folder a checkpoint lies in, if it lies in one."""
    return checkpoint.parent.parent if checkpoint.parent.name == CHECKPOINTS else None
