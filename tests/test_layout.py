"""The house is laid out as docs/architecture.md says: rooms, import directions, what may be imported where."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "xinc_lightning"
LONG = 350
"""Lines of a file, beyond which its docstring says why."""


def module_of(path: Path) -> str:
    """The dotted name under which a source file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == PACKAGE else (PACKAGE, *parts)
    return ".".join(parts).removesuffix(".__init__")


SOURCES = {
    module_of(path): path
    for path in (*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "callbacks").rglob("*.py"))
    if f"{PACKAGE}/callbacks" not in path.as_posix()
}


def rooms() -> dict[str, set[str]]:
    """Each room of the table in docs/architecture.md, and the rooms that it may import from."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", text, re.MULTILINE)
    assert len(table) > 10
    return {
        room: {name for name, _ in table}
        if allowed.strip() == "all"
        else set(re.findall(r"`(\w+)`", allowed))
        for room, allowed in table
    }


ROOMS = rooms()
GROUND = {"errors", "text"}
"""What everything may stand on."""


def imports(module: str) -> set[str]:
    """What a module imports, anywhere in it: our modules by their full names, others as they are written."""
    found = set()
    for node in ast.walk(ast.parse(SOURCES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{module} has a relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in SOURCES else node.module for name in inner}
    return found


def room_of(module: str) -> str:
    """The room a module of ours lies in; empty for the front door."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else ""


def test_every_package_on_disk_is_packaged():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    on_disk = {module for module, path in SOURCES.items() if path.name == "__init__.py"}
    assert listed == on_disk | {"xinc_lightning.configs", "xinc_lightning.data.bunny_panoptic"}


@pytest.mark.parametrize("name", ["callbacks", "configs"])
def test_links_lead_to_the_folders_at_the_top(name):
    link = ROOT / PACKAGE / name
    assert link.is_symlink()
    assert link.resolve() == ROOT / name


def test_the_root_of_the_package_holds_rooms_and_nothing_else():
    there = {path.name for path in (ROOT / PACKAGE).iterdir() if path.name != "__pycache__"}
    files = {"__init__.py", "__main__.py", "errors.py", "py.typed"}
    assert there == files | {"configs", *ROOMS} - {"errors"}


def test_the_table_of_rooms_has_no_circle():
    assert [*TopologicalSorter({room: below - {room} for room, below in ROOMS.items()}).static_order()]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_those_below_it(room):
    allowed = ROOMS[room] | {room, *GROUND, ""}
    wrong = {
        (module, name)
        for module in SOURCES
        if room_of(module) == room
        for name in imports(module)
        if name.split(".")[0] == PACKAGE and room_of(name) not in allowed
    }
    assert not wrong


def test_every_arrow_of_the_table_is_used():
    used = {
        (room_of(module), room_of(name))
        for module in SOURCES
        for name in imports(module)
        if name.split(".")[0] == PACKAGE
    }
    listed = {
        (room, below)
        for room, all_below in ROOMS.items()
        if room not in ("cli", "paper")
        for below in all_below
    }
    assert not listed - used


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        module: {name for name in imports(module) if name in SOURCES and name not in (module, PACKAGE)}
        for module in SOURCES
    }
    assert [*TopologicalSorter(graph).static_order()]


WITHOUT = {
    "errors": {"torch", "numpy"},
    "networks": {"lightning", "matplotlib", "wandb", "numba"},
    "canvas": {"lightning", "matplotlib", "wandb"},
    "analyses": {"lightning", "matplotlib", "wandb", "umap", "sklearn"},
    "figures": {"lightning", "wandb", "matplotlib.pyplot"},
    "data": {"lightning", "matplotlib", "wandb"},
    "compression": {"lightning", "wandb"},
    "modules": {"wandb"},
    "cli.main": {"torch", "lightning", "matplotlib", "wandb", "numpy"},
}
"""What is heavy or out of place in a room, and therefore not loaded with it."""


@pytest.mark.parametrize("room", WITHOUT)
def test_a_room_is_imported_without_what_has_no_place_in_it(room):
    script = f"import sys, xinc_lightning.{room}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not WITHOUT[room] & set(loaded)


def test_wandb_and_matplotlib_are_imported_in_one_place():
    users = {
        library: {module for module in SOURCES for name in imports(module) if name.split(".")[0] == library}
        for library in ("wandb", "matplotlib")
    }
    assert users["wandb"] == {"xinc_lightning.loggers.wandb_run"}
    assert {room_of(module) for module in users["matplotlib"]} == {"figures"}


def test_a_long_file_says_why():
    for path in (*SOURCES.values(), *(ROOT / "scripts").glob("*.py"), *(ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > LONG:
            assert "long" in (ast.get_docstring(ast.parse(text)) or ""), f"{path} has no reason to be long"


def test_callbacks_refuse_to_be_imported_twice():
    done = subprocess.run(
        [sys.executable, "-c", "import callbacks"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode != 0
    assert "xinc_lightning.callbacks" in done.stderr
