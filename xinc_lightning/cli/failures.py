"""Which exceptions of a training command are user errors, and how to resume a run that stopped."""

import errno
import shlex
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException

from xinc_lightning.callbacks.base.runner import AnalysisError
from xinc_lightning.cli.parse_errors import refusal
from xinc_lightning.cli.trust import TRUST, foreign_classes
from xinc_lightning.errors import UserError
from xinc_lightning.modules.base import DivergenceError
from xinc_lightning.runs.checkpoint_file import CheckpointError, read_checkpoint
from xinc_lightning.runs.layout import CHECKPOINTS, CONFIG, LAST

REFUSING = ("lightning", "jsonargparse")
"""Packages whose exceptions, before training starts, describe an error in a config."""

RESTORING = "trainer.connectors.checkpoint_connector"
"""Lightning's module that restores checkpoints."""

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE)
"""Disk errors, whichever code was writing."""


@contextmanager
def configuring() -> Iterator[None]:
    """Before training starts: turn errors of Lightning and the parser into user errors.

    An error of a constructor of the config's classes keeps its own traceback, without the parser's.

    Raises:
        UserError: for an error in the command or its configs.
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
def running(run: Path, checkpoint: str | None = None) -> Iterator[None]:
    """While a command runs: turn errors that a user can fix into user errors that say how to resume.

    Args:
        run: the run's folder.
        checkpoint: from which the command starts.

    Raises:
        UserError: for diverged training, a checkpoint that cannot be restored, a failed strict analysis, a full or
            broken disk, and options that Lightning rejects.
    """
    try:
        yield
    except AnalysisError as error:
        if error.__cause__ is not None and not isinstance(error.__cause__, UserError):
            traceback.print_exception(error.__cause__)  # a bug: its author needs the traceback
        raise
    except DivergenceError as error:
        raise UserError(f"{error} {how_to_resume(run)}") from error
    except MisconfigurationException as error:
        raise UserError(str(error)) from error
    except OSError as error:
        if error.errno not in DISK and not _is_in(error.filename, run):
            raise
        what = f"{error.strerror}: '{error.filename}'" if error.filename else error.strerror
        raise UserError(f"the run stopped because of a file error: {what}. {how_to_resume(run)}") from error
    except Exception as error:
        if checkpoint is None or not _is_restoring(error):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(
            f"'{checkpoint}' cannot be restored; it is malformed, or of a version that this one does not read ({what})."
        ) from error


def how_to_resume(run: Path) -> str:
    """The last saved epoch of a run that stopped, and the command that resumes it."""
    last = run / CHECKPOINTS / LAST
    try:
        epoch = read_checkpoint(last)["trained_epochs"]
    except CheckpointError:
        return "The run has no checkpoint yet."
    command = ["lightning", "fit", "--config", str(run / CONFIG), "--ckpt_path", str(last)]
    note = ""
    with suppress(UserError):
        if foreign := foreign_classes(run / CONFIG):
            command.append(TRUST)
            note = f" (the config names '{foreign[0]}', which is run as code)"
    return f"To resume after epoch {epoch}{note}: {shlex.join(command)}"


def _origin(error: BaseException) -> BaseException:
    """The first exception of a chain; the parser wraps exceptions of constructors."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return error


def _raised_in(error: BaseException, packages: tuple[str, ...]) -> bool:
    """Whether the exception was raised in one of these packages."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    module = str(frames[-1].f_globals.get("__name__", "")) if frames else ""
    return module.partition(".")[0] in packages


def _is_restoring(error: BaseException) -> bool:
    """Whether the exception was raised while a checkpoint was restored, and not by a class of the user's own."""
    modules = [
        str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    return any(RESTORING in module for module in modules) and (
        modules[-1].partition(".")[0] in ("lightning", "torch", "packaging", "xinc_lightning")
    )


def _is_in(name: object, run: Path) -> bool:
    return isinstance(name, str) and Path(name).absolute().is_relative_to(run.absolute())
