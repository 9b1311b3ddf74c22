"""Run folders: one for each command, never shared, found by name."""

import glob
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from xinc_lightning.errors import UserError
from xinc_lightning.runs.layout import ANALYSES, CHECKPOINTS, LOCK, WANDB
from xinc_lightning.runs.untrusted import is_inside

_locks: list[IO[str]] = []  # the operating system releases a lock when its file is closed


def new_run(root: Path, name: str) -> Path:
    """Make and return the folder ``<root>/<name>-NNN`` with the next free number.

    Two processes that call this at the same time get different folders.

    Raises:
        UserError: if the name is no name of a folder, or the folder cannot be created or written to.
    """
    if not name or set(name) & set("/\\\0") or name.startswith(".."):
        raise UserError(
            f"name is '{name}', which cannot be part of a folder's name; a run's place is set by "
            "--trainer.default_root_dir."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        return _next(root, name)
    except OSError as error:
        raise UserError(
            f"trainer.default_root_dir: no run folder can be created in '{root}': {error.strerror}."
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
    """Remove the folder of a failed command, and the folder of runs if it was the first run.

    A folder with results of an earlier command is kept.
    """
    with suppress(OSError):
        if {path.name for path in run.iterdir()} <= {LOCK}:
            (run / LOCK).unlink(missing_ok=True)
            run.rmdir()
            run.parent.rmdir()


def lock(run: Path) -> None:
    """Lock a run for this process until :func:`unlock` or its end.

    Raises:
        UserError: if another process is training it, or if files written into it would end up elsewhere.
    """
    refuse_links(run)
    if not hold(run / LOCK):
        raise UserError(f"the run '{run}' is being trained by another process.")


def hold(path: Path) -> bool:
    """Lock a file for this process until :func:`unlock` or its end; returns False if another process has locked it."""
    try:
        import fcntl  # there is none on Windows
    except ImportError:
        return True
    with suppress(PermissionError, FileNotFoundError):
        file = path.open("w", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError:  # a file system without locks
            file.close()
            return True
        _locks.append(file)
    return True


def refuse_links(run: Path, part: str = "") -> None:
    """Reject a run with links that lead out of it, or with entries that are neither files nor folders.

    Otherwise the ``metrics.csv`` of an untrusted run could overwrite another file. The folder of wandb is not checked:
    it has links to its logs elsewhere.

    Args:
        run: the run's folder.
        part: the folder in it that is written to; by default the whole run.

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
    """Unlock all runs."""
    while _locks:
        _locks.pop().close()


def newest_checkpoint(root: Path, name: str, which: str) -> Path:
    """The checkpoint that ``last`` or ``best`` refers to: that of the newest run of this name that has one.

    Raises:
        UserError: if no run of this name has such a checkpoint.
    """
    own = glob.escape(name)
    found = [*root.glob(f"{own}-*/{CHECKPOINTS}/{which}*.ckpt")]
    if not found:
        other = {"best": "last", "last": "best"}[which]
        if [*root.glob(f"{own}-*/{CHECKPOINTS}/{other}*.ckpt")]:
            raise UserError(
                f"ckpt_path={which}: the runs named '{name}' in '{root}' were not validated yet and only have a "
                f"checkpoint for --ckpt_path {other}."
            )
        raise UserError(
            f"ckpt_path={which}: no run named '{name}' in '{root}' has a {which} checkpoint. Give the path of a "
            f"file, or train one first with `lightning fit`."
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def run_of(checkpoint: Path) -> Path | None:
    """The run folder of a checkpoint, or of the weights beside an epoch's analyses, if it is in one."""
    if checkpoint.parent.parent.name == ANALYSES:
        return checkpoint.parents[2]
    return checkpoint.parent.parent if checkpoint.parent.name == CHECKPOINTS else None
