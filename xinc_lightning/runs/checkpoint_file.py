"""Checkpoint files: written atomically, verified before they are read, and never executed.

A checkpoint is a file of ``torch.save`` with a digest of all its bytes in the comment at the end of the zip archive. So
the file alone is enough to verify that it is intact, and plain ``torch.load`` still opens it. The weights beside an
epoch's analyses (:mod:`xinc_lightning.runs.weights_file`) are read as a checkpoint from which nothing is trained on.
"""

import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from xinc_lightning.errors import UserError
from xinc_lightning.runs.atomic import write_atomically
from xinc_lightning.runs.checkpoint_form import malformed
from xinc_lightning.runs.untrusted import UnreadableError, read_bytes
from xinc_lightning.runs.weights_file import parse_weights

MARK = b"xinc sha256 "
TRAILER = len(MARK) + 64
"""Bytes of the mark and the digest."""

LARGEST = 8_000_000_000
"""Bytes of a checkpoint."""

INSTANTIATION = ("_instantiator", "_class_path")
"""Hyperparameters with which a checkpoint could have code called when it is loaded; ours never have them."""


SAFETENSORS = ".safetensors"
"""Suffix of a file of weights alone."""


class CheckpointError(UserError):
    """A file is not an intact checkpoint of ours."""


def write_checkpoint(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint with its digest.

    Args:
        checkpoint: the content; paths, NumPy scalars and arrays are converted to text, numbers and tensors.
        path: of the file; an existing file is replaced when the new one is complete.

    Raises:
        TypeError: if it holds anything but plain values and tensors, which could not be read again.
        OSError: if it cannot be written; an existing file is unchanged.
    """
    buffer = io.BytesIO()
    torch.save(plain(checkpoint, "checkpoint"), buffer)
    content = buffer.getvalue()[:-2] + struct.pack("<H", TRAILER)  # zip ends with the length of a comment
    write_atomically(path, content + MARK + hashlib.sha256(content).hexdigest().encode())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, on the CPU, after verifying that it is intact; no code in it is ever run.

    Raises:
        CheckpointError: if the file is not an intact checkpoint of an INR; names the newest intact one beside it.
    """
    try:
        return _verified(path)
    except CheckpointError as error:
        raise CheckpointError(f"'{path}' {error}.{_newest_good(path)}") from None


def _verified(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise CheckpointError("is a folder")
    try:
        content = read_bytes(path, path.resolve().parent, LARGEST)
    except (UnreadableError, FileNotFoundError) as error:
        raise CheckpointError(
            str(error) if isinstance(error, UnreadableError) else "does not exist"
        ) from None
    if not content:
        raise CheckpointError("is an empty file, not a checkpoint")
    if path.suffix == SAFETENSORS:
        try:
            return _of_a_form(parse_weights(content))
        except UnreadableError as error:
            raise CheckpointError(str(error)) from None
    if not content.startswith(b"PK"):
        raise CheckpointError(f"is not a checkpoint: it begins with {content[:16]!r}")
    body, trailer = content[:-TRAILER], content[-TRAILER:]
    if not trailer.startswith(MARK):
        raise CheckpointError(
            "was cut short, or was not written by xinc_lightning: there is no digest at its end"
        )
    if trailer[len(MARK) :] != hashlib.sha256(body).hexdigest().encode():
        raise CheckpointError("is damaged: its content does not match its digest")
    if _expands(content):
        raise CheckpointError("is refused: it is compressed, which ours never are")
    try:
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:
        raise CheckpointError("is refused: it holds more than plain values and tensors") from None
    if (
        not isinstance(checkpoint, dict)
        or not {"state_dict", "hyper_parameters", "module"} <= checkpoint.keys()
    ):
        raise CheckpointError("is not a checkpoint of an implicit neural representation")
    return _of_a_form(checkpoint)


def _of_a_form(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint that is as it must be, and names nothing to be called."""
    if wrong := malformed(checkpoint):
        raise CheckpointError(f"is malformed, or of a version that this one does not read ({wrong})")
    for key, value in checkpoint.items():
        if key.endswith("hyper_parameters") and any(name in value for name in INSTANTIATION):
            raise CheckpointError("is refused: it names what is to be called when it is loaded")
    return checkpoint


def _expands(content: bytes) -> bool:
    """Whether a checkpoint would take more memory than its bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return sum(part.file_size for part in archive.infolist()) > len(content)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return True


def _newest_good(bad: Path) -> str:
    """A sentence about the newest intact checkpoint in the folder of a bad one."""
    others = [path for path in bad.parent.glob("*.ckpt") if path != bad]
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True):
        with suppress(CheckpointError):
            _verified(path)
            return f" The newest good checkpoint beside it is '{path}'."
    return ""


def plain(value: Any, where: str) -> Any:
    """The value converted to types that ``torch.load(weights_only=True)`` accepts."""
    if isinstance(value, Mapping):
        return {plain(key, where): plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(plain(item, f"{where}[{i}]") for i, item in enumerate(value))
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, Enum):
        return plain(value.value, where)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str | bytes | torch.Size | torch.dtype):
        return value
    raise TypeError(f"{where} is a {type(value).__name__}; checkpoints hold only plain values and tensors.")


class CheckpointFile(TorchCheckpointIO):
    """Lightning plugin that reads and writes checkpoints of INRs."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint; see :func:`write_checkpoint`."""
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read a checkpoint onto the CPU, whatever arguments the caller gives; see :func:`read_checkpoint`."""
        return read_checkpoint(Path(path))
