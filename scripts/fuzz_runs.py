"""Run folders that bad luck or a stranger left, for ``scripts/fuzz.py --only runs``.

A case is the run of version 0.1 that the tests keep, with a few of its files damaged, exchanged, renamed or replaced by
links, FIFOs and folders. One of the commands that read runs is run on it. Beside it lies a folder that is somebody
else's: an audit hook notes whatever touches anything but the case's own folder. The file is long because every kind of
damage stands in it.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from xinc_lightning.text import UNPRINTABLE

SOUND = Path(__file__).parent.parent / "tests" / "fixtures" / "run_of_0_1"
COMMANDS = ["report"] * 20 + ["compare", "evolution", "umap"]
"""The page shows all that is read, and takes a tenth of the others' time."""

Change = Callable[[Path, Path], None]
"""Does something to a file of the run, given it and the folder that lies outside."""

# --- what is done to a run ----------------------------------------------------------------------------------

scalars = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1e308,
        10**400,
        float("nan"),
        float("inf"),
        "3",
        "",
        "$x$",
        "[/b]",
        "\x1b[2J",
        "\ud800",
        [],
        {},
    ]
)
values = st.recursive(
    scalars | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    [
        "head",
        "$\\frac$",
        "a$b",
        "[/b]",
        "[red]x",
        "\x1b[2Jx",
        "x\ny",
        "</script>",
        "|a|b",
        "..",
        "\udcff",
        "日本",
        "x" * 120,
    ]
)
YAMLS = [
    b"!!python/object/apply:os.system [touch /tmp/x]",
    b"&a [*a]",
    b"&a {b: *a}",
    b"[" * 5000,
    b"a: [",
    b"\xff\xfe\x00",
    b"name: \xc2\x80\n",
    b"? [1, 2]\n: 3\n",
    b"model: {class_path: 3}\ndata: {path: [], clip_id: {}}\nseed_everything: x\n",
    b"data: {path: '$\\frac{'}\nmodel: {class_path: 'a.[/b]$x$Module'}\n",
    "\n".join(
        ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    ).encode(),
]
CELLS = [
    "",
    "1",
    "20.5",
    "inf",
    "-inf",
    "nan",
    "text",
    "1e400",
    "9" * 500,
    "\x00",
    '"',
    "'",
    "\ud800",
    "=cmd()",
]


def replaced(content: bytes) -> Change:
    """The file holds something else."""
    return lambda path, _: void(path.write_bytes(content))


def void(_: Any) -> None:
    """A change has no result."""


@st.composite
def damaged(draw: st.DrawFn) -> Change:
    """Cut off, or some bytes of it changed."""
    cut, places = (
        draw(st.floats(0, 1)),
        draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6)),
    )

    def change(path: Path, _: Path) -> None:
        content = bytearray(path.read_bytes())
        for place, byte in places:
            if content:
                content[int(place * (len(content) - 1))] = byte
        path.write_bytes(content if places else content[: int(cut * len(content))])

    return change


@st.composite
def other_arrays(draw: st.DrawFn) -> Change:
    """One of the arrays of another type or shape, or none, or compressed."""
    which = draw(st.integers(0, 30))
    kind = draw(
        st.sampled_from(
            ["<f4", "<f8", "<f2", ">f8", "<i8", "|u1", "|b1", "<U3", "<U0", "<c8", "|O", "<M8[s]", "|V4"]
        )
    )
    shape = draw(st.lists(st.integers(0, 5), max_size=4))
    fill = draw(st.sampled_from([0, 1, -1, 2**31, 1e300, float("nan"), float("inf"), "$x", "\udcff"]))
    how = draw(
        st.sampled_from(["exchange", "exchange", "exchange", "drop", "compress", "same shape", "same shape"])
    )

    def change(path: Path, _: Path) -> None:
        with np.load(path) as saved:
            arrays = dict(saved)
        name = sorted(arrays)[which % len(arrays)]
        if how == "drop":
            del arrays[name]
        elif how != "compress":
            with np.errstate(all="ignore"), contextlib.suppress(ValueError, OverflowError, TypeError):
                arrays[name] = np.full(arrays[name].shape if how == "same shape" else shape, fill).astype(
                    kind
                )
        with contextlib.suppress(ValueError, UnicodeError):
            (np.savez_compressed if how == "compress" else np.savez)(path, **arrays)

    return change


@st.composite
def lying_archives(draw: st.DrawFn) -> Change:
    """An archive whose header promises anything."""
    descr = draw(
        st.sampled_from(
            ["'<f4'", "'<f8'", "'<U0'", "'|O'", "[('a', '<f4')]", "exit()", "'" + "x" * 9000 + "'"]
        )
    )
    shape = draw(
        st.sampled_from(
            [
                "()",
                "(2,)",
                "(10**15,)",
                "(1000000000000000,)",
                "(-1,)",
                "(1000000,1000000)",
                "(0,10000000000000)",
            ]
        )
    )
    method, size = draw(st.sampled_from([0, 0, 8])), draw(st.sampled_from([0, 8, 16, 30_000_000]))
    file = io.BytesIO()
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    with zipfile.ZipFile(file, "w", method) as archive:
        content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(size)
        archive.writestr(draw(st.sampled_from(["maps.npy", "neurons.npy", "../x.npy", "top.npy"])), content)
    content = file.getvalue()
    if draw(st.booleans()):
        place = content.index(b"PK\x01\x02") + 10
        content = (
            content[:place]
            + draw(st.sampled_from([b"\x63\x00", b"\x08\x00", b"\x0e\x00"]))
            + content[place + 2 :]
        )
    return replaced(content)


@st.composite
def pictures(draw: st.DrawFn) -> Change:
    """A PNG of any size, or one that says so."""
    width, height = draw(
        st.sampled_from(
            [(1, 1), (1, 20_000), (20_000, 1), (3000, 40), (2**31 - 1, 2**31 - 1), (60_000, 60_000)]
        )
    )
    sound = draw(st.booleans()) and width * height < 200_000
    rows = (b"\x00" + bytes(3 * width)) * height if sound else b""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    text = chunk(b"zTXt", b"x\x00\x00" + zlib.compress(bytes(30_000_000))) if draw(st.booleans()) else b""
    return replaced(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + text
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def special(kind: str) -> Change:
    """Something else than a regular file."""

    def change(path: Path, outside: Path) -> None:
        path.unlink()
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "loop":
            path.symlink_to(path.name)
        elif kind == "dangling":
            path.symlink_to(outside / "nothing")
        elif kind == "inside":
            path.symlink_to("/".join([".."] * 9))
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "linked folder":
            shutil.rmtree(path.parent)
            path.parent.symlink_to(outside)
        elif kind != "gone":
            path.symlink_to(outside / "secret.json")

    return change


KINDS = ["fifo", "folder", "loop", "dangling", "inside", "device", "linked folder", "gone", "link"]


@st.composite
def renamed(draw: st.DrawFn) -> Change:
    """Under another name, with the same ending."""
    name = draw(names)

    def change(path: Path, _: Path) -> None:
        with contextlib.suppress(OSError, ValueError):
            path.rename(path.with_name(name + path.suffix))

    return change


@st.composite
def other_records(draw: st.DrawFn, name: str) -> Change:
    """JSON, YAML or CSV of the structure that is expected, with anything in it, or of another."""
    if name == "config.yaml":
        return replaced(draw(st.sampled_from(YAMLS) | st.binary(max_size=60)))
    if name == "metrics.csv":
        cell = st.sampled_from(CELLS)
        head = draw(
            st.lists(
                st.sampled_from(["epoch", "step", "val/psnr", "train/psnr", "", "x" * 300, "$x"]), max_size=5
            )
        )
        rows = draw(st.lists(st.lists(cell, max_size=6), max_size=4))
        return replaced("\n".join(",".join(row) for row in [head, *rows]).encode("utf-8", "surrogatepass"))
    forms = st.sampled_from(["xinc/{0}/{1}/{2}", "{1}/{0}/{2}"])  # of version 0.1, and of today
    analyses = st.sampled_from(["maps", "intensity", "$x", "..", "variance"])
    keys = st.builds(str.format, forms, names, analyses, names)
    inner = st.dictionaries(
        keys | st.sampled_from(["psnr", "bpp", "ssim"]), scalars | st.floats(), max_size=5
    )
    network = st.dictionaries(
        st.just("layers") | st.just("architecture"), st.lists(names, max_size=3) | values, max_size=2
    )
    record = draw(
        inner
        | st.fixed_dictionaries({"scalars": inner | values})
        | st.fixed_dictionaries({"network": network})
        | values
    )
    return replaced(json.dumps(record).encode())


@cache
def sound() -> dict[str, bytes]:
    """Files of the sound run that commands read, by path; its figures are small, so that pages are made fast."""
    read = (".json", ".yaml", ".csv", ".npz", ".png")
    found = {path: path.read_bytes() for path in sorted(SOUND.rglob("*")) if path.suffix in read}
    small = io.BytesIO()
    Image.new("RGB", (60, 30), "teal").save(small, "PNG")
    content = {
        path.relative_to(SOUND).as_posix(): small.getvalue() if path.suffix == ".png" else content
        for path, content in found.items()
    }
    return {**content, "report.json": b'{"psnr": 30.5, "bpp": 8.0}'}


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, Change]:
    """A file, and what happens to it."""
    name = draw(st.sampled_from(sorted(sound())))
    general = damaged() | st.sampled_from(KINDS).map(special) | renamed()
    fitting: st.SearchStrategy[Change] = other_records(Path(name).name)
    if name.endswith(".npz"):
        fitting = other_arrays() | other_arrays() | lying_archives()
    elif name.endswith(".png"):
        fitting = pictures()
    return name, draw(fitting | fitting | general)


def runs() -> st.SearchStrategy[tuple[str, str, list[tuple[str, Change]]]]:
    """A command, the run's name, and what is done to its files."""
    folder_names = st.just("nerv-001") | names.filter(
        lambda name: "/" not in name and name not in ("..", "x" * 120)
    )
    return st.tuples(st.sampled_from(COMMANDS), folder_names, st.lists(changes(), min_size=1, max_size=5))


# --- what may not happen ------------------------------------------------------------------------------------

PATHS = {
    **dict.fromkeys(
        ("os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.chown", "shutil.rmtree"), (0,)
    ),
    **dict.fromkeys(("os.rename", "os.link", "shutil.move"), (0, 1)),
    "os.symlink": (1,),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_watch: dict[str, Any] = {"inside": None, "outside": None, "seen": []}


@cache
def watched() -> None:
    """Set the hook that notes what is touched; once, since it stays."""
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch["inside"] is None:
        return
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        real = os.path.realpath(os.fsdecode(arguments[0]))
        writing = isinstance(arguments[2], int) and arguments[2] & WRITING
        if real.startswith(_watch["outside"]) or (writing and not _allowed(real)):
            _watch["seen"].append((event, real))
    elif event in PATHS:
        for place in PATHS[event]:
            parent, name = os.path.split(os.fsdecode(arguments[place]))  # of a link the link itself
            real = f"{os.path.realpath(parent or '.')}/{name}"
            if not _allowed(real):
                _watch["seen"].append((event, real))
    elif event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect"):
        _watch["seen"].append((event, str(arguments[0])))


def _allowed(real: str) -> bool:
    """In the case's folder, or a library's cache of its own code."""
    return real.startswith((_watch["inside"], sys.prefix)) or real == os.devnull or "__pycache__" in real


@contextlib.contextmanager
def nothing_touched_but(inside: Path, outside: Path) -> Iterator[None]:
    """Assert that only the one folder is written to, and that nothing in the other is even opened."""
    watched()
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    _watch.update(inside=os.path.realpath(inside), outside=os.path.realpath(outside), seen=[])
    try:
        yield
    finally:
        _watch["inside"] = None
    assert not _watch["seen"], _watch["seen"][:5]
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before


# --- one case -----------------------------------------------------------------------------------------------


def try_run(case: tuple[str, str, list[tuple[str, Change]]], folder: Path, outcomes: Counter[str]) -> None:
    """Damage a run, and run a command on it."""
    command, name, done = case
    inside, outside = folder / "inside", folder / "outside"
    for path in (inside, outside):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    (outside / "secret.json").write_text('{"psnr": 99, "scalars": {"xinc/SECRET/a/b": 1}, "name": "SECRET"}')
    np.savez(outside / "SECRET.npz", neurons=np.arange(3))
    run = inside / name
    for place, content in sound().items():
        if command != "compare" or "epoch=0001" not in place:  # the courses over the epochs take long to draw
            (run / place).parent.mkdir(parents=True, exist_ok=True)
            (run / place).write_bytes(content)
    for place, change in done:
        with contextlib.suppress(Exception):  # what an earlier change left may not be there to be changed
            if (run / place).is_file() and not (run / place).is_symlink():
                change(run / place, outside)
    said, printed = io.StringIO(), io.StringIO()
    code: Any = 0
    main = import_module(f"xinc_lightning.cli.{command}").main
    with (
        nothing_touched_but(inside, outside),
        contextlib.chdir(inside),
        patch("tempfile.tempdir", str(inside)),
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(printed),
    ):
        try:
            main([name])
        except SystemExit as stop:
            code = stop.code
    lines = said.getvalue().splitlines()
    assert code in (0, 1), (code, lines)
    assert all(line.startswith(("xinc: error: ", "note: ")) for line in lines), lines
    for line in (*lines, *printed.getvalue().split("\n")):
        assert not UNPRINTABLE.search(line), repr(line)
    for path in inside.rglob("*"):
        if path.suffix in (".html", ".md", ".csv") and path.is_file() and not path.is_symlink():
            assert b"SECRET" not in path.read_bytes(), path
    outcomes["runs refused" if code else "runs accepted"] += 1
