"""Which exceptions of a training command are a user's mistake, and what is left of a run that stopped."""

import errno
import shlex
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from xinc_lightning.callbacks.base.runner import AnalysisError
from xinc_lightning.cli.parse_errors import refusal
from xinc_lightning.errors import UserError
from xinc_lightning.modules.base import DivergenceError
from xinc_lightning.runs.checkpoint_file import CheckpointError, read_checkpoint
from xinc_lightning.runs.layout import CHECKPOINTS, CONFIG, LAST

REFUSING = ("lightning", "jsonargparse")
"""Packages whose exceptions, before anything runs, say what is wrong with a config."""

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE)
"""Errors of a disk, whoever was writing to it."""


@contextmanager
def configuring() -> Iterator[None]:
    """Before anything runs: turn what Lightning or the parser refuse into the user's mistake.

    What a class of the config raises when it is built keeps its own traceback, without the parser's.

    Raises:
        UserError: for a mistake in the command or its configs.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        origin = _origin(error)
        if isinstance(origin, UserError):
            raise origin from None
        if _raised_in(origin, REFUSING):
            raise UserError(refusal(str(error))) from error
        raise origin from None


@contextmanager
def running(run: Path, rank: int) -> Iterator[None]:
    """While a command runs: say of what a user can mend what is left of the run, and how to go on.

    Args:
        run: the run's folder.
        rank: which of the processes that share the run this is; the first says how to go on.

    Raises:
        UserError: for diverged training, a failed strict analysis, a disk that is full or broken, a process that is
            lost, and what Lightning refuses.
    """
    try:
        yield
    except AnalysisError as error:
        if error.__cause__ is not None and not isinstance(error.__cause__, UserError):
            traceback.print_exception(error.__cause__)  # a bug, whose place its author wants to see
        raise
    except DivergenceError as error:
        raise UserError(f"{error} {how_to_resume(run)}") from error
    except MisconfigurationException as error:
        raise UserError(str(error)) from error
    except OSError as error:
        if error.errno not in DISK and not _is_in(error.filename, run):
            raise
        what = f"{error.strerror}: '{error.filename}'" if error.filename else error.strerror
        raise UserError(f"the run stopped because of its files: {what}. {how_to_resume(run)}") from error
    except RuntimeError as error:
        if not _lost_a_process(error):
            raise
        left = how_to_resume(run) if rank == 0 else ""
        raise UserError(
            f"process {rank} of this run stops because another one died or did not answer in time. {left}"
        ) from error


def how_to_resume(run: Path) -> str:
    """What is left of a run that stopped, and the command that goes on with it."""
    last = run / CHECKPOINTS / LAST
    try:
        epoch = read_checkpoint(last)["trained_epochs"]
    except CheckpointError:
        return "There is no checkpoint of it yet."
    command = ["lightning", "fit", "--config", str(run / CONFIG), "--ckpt_path", str(last)]
    return f"To go on after epoch {epoch}: {shlex.join(command)}"


def _origin(error: BaseException) -> BaseException:
    """What was raised first; the parser wraps what a constructor raises."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return error


def _raised_in(error: BaseException, packages: tuple[str, ...]) -> bool:
    """Whether the code that raised it belongs to one of these packages."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    module = str(frames[-1].f_globals.get("__name__", "")) if frames else ""
    return module.partition(".")[0] in packages


def _is_in(name: object, run: Path) -> bool:
    return isinstance(name, str) and Path(name).absolute().is_relative_to(run.absolute())


def _lost_a_process(error: RuntimeError) -> bool:
    """Whether the other processes of this run can no longer be reached; gloo's errors have no class of their own."""
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error)
