"""Reading ``.npz`` files from untrusted sources: sizes are checked before anything is allocated."""

import math
import zipfile
from collections.abc import Collection, Mapping
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

Form = Mapping[str, str]
"""What the arrays of a file must be: by name, their kind and the names of their axes, as in ``"# n height width"``.

Kinds are ``?`` for booleans, ``i`` for whole numbers, ``+`` for those from 1 on, ``B`` for bytes, ``#`` for numbers,
``U`` for text. An axis of one name has one length; a number is the length itself.
"""

OF_KIND = {"?": "b", "i": "iu", "+": "iu", "B": "u", "#": "biuf", "U": "U"}


def read_arrays(path: Path, inside: Path, only: Collection[str] | None = None) -> Arrays:
    """Arrays by name, as ``np.savez`` writes them.

    Compressed files are rejected, so that no file expands; no array is larger than its bytes in the file.

    Args:
        path: the file.
        inside: the folder in which the file must be, with links resolved.
        only: names of the arrays to read; by default all.

    Raises:
        FileNotFoundError: if there is no such file.
        UnreadableError: if it holds anything but arrays of numbers and text.
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
                named = {member.filename.removesuffix(".npy"): member for member in members}
                wanted = named if only is None else {name: named[name] for name in named if name in only}
                return {name: _array(archive, member) for name, member in wanted.items()}
        except UnreadableError:
            raise
        except Exception as error:  # zipfile and numpy raise many kinds of exceptions for damaged archives
            raise UnreadableError(f"cannot be read ({type(error).__name__})") from None


def misfit(arrays: Arrays, form: Form) -> str:
    """What is not as it should be, in the half of a sentence; empty if nothing is.

    >>> misfit({"maps": np.zeros((2, 4, 8)), "neurons": np.arange(3)}, {"neurons": "i n", "maps": "# n h w"})
    'holds maps of another shape than others, (2, 4, 8)'
    """
    lengths: dict[str, int] = {}
    for name, wanted in form.items():
        kind, *axes = wanted.split()
        if name not in arrays:
            return f"holds no {name}"
        array = arrays[name]
        right = array.dtype.kind in OF_KIND[kind] and (kind != "B" or array.dtype == np.uint8)
        if array.size and not right:  # what is empty is saved as anything
            return f"holds {name} of type {array.dtype}"
        if kind == "+" and array.size and array.min() < 1:
            return f"holds {name} below 1, {array.min()}"
        fixed = [int(axis) if axis.isdigit() else lengths.get(axis) for axis in axes]
        if array.ndim != len(axes) or any(
            n not in (None, m) for n, m in zip(fixed, array.shape, strict=True)
        ):
            return f"holds {name} of another shape than others, {array.shape}"
        lengths.update(zip(axes, array.shape, strict=True))
    return ""


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
