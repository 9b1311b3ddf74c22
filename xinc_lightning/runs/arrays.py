"""Reading ``.npz`` files that somebody else may have made: their size is known before anything is allocated."""

import math
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from xinc_lightning.runs.untrusted import UnreadableError, open_regular

MOST_BYTES = 1 << 29
"""Of a file; the maps of 700 neurons at 128×256 pixels take 92 MB."""

KINDS = "biufU"
"""Of the arrays that analyses save: numbers and text."""

Arrays = dict[str, np.ndarray]


def read_arrays(path: Path, inside: Path) -> Arrays:
    """Arrays by name, as ``np.savez`` writes them.

    Nothing that was compressed is read, so that no file grows; no array is allocated that its bytes do not fill.

    Args:
        path: the file.
        inside: the folder that it must not lead out of.

    Raises:
        FileNotFoundError: if there is no such file.
        UnreadableError: if it is anything but arrays of numbers and text.
    """
    with open_regular(path, inside, MOST_BYTES) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if any(
                    m.compress_type != zipfile.ZIP_STORED or m.file_size != m.compress_size for m in members
                ):
                    raise UnreadableError("is compressed, as no file of an analysis is")
                if sum(member.file_size for member in members) > path.stat().st_size:
                    raise UnreadableError("promises more than it holds")
                return {m.filename.removesuffix(".npy"): _array(archive, m) for m in members}
        except UnreadableError:
            raise
        except Exception as error:  # what a damaged archive raises is zipfile's and numpy's business
            raise UnreadableError(f"cannot be read ({type(error).__name__})") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        shape, fortran_order, dtype = _header(stream)  # type: ignore[arg-type]
        if dtype.hasobject or dtype.kind not in KINDS:
            raise UnreadableError(f"holds values of type {dtype}, which are not read")
        content = stream.read()
    count = math.prod(shape)
    if count * dtype.itemsize != len(content) or count > len(content):
        raise UnreadableError("holds an array of another size than it says")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C").copy()


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(stream)
    if version == (1, 0):
        return npy.read_array_header_1_0(stream)
    if version == (2, 0):
        return npy.read_array_header_2_0(stream)
    raise UnreadableError(f"holds an array in NumPy's format {version}")
