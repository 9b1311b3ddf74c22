"""The package is structured as docs/architecture.md says: subpackages, their imports, and where libraries are used."""

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
"""Lines beyond which a file's docstring must give a reason."""


def module_of(path: Path) -> str:
    """The dotted name under which a source file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == PACKAGE else (PACKAGE, *parts)
    return ".".join(parts).removesuffix(".__init__")


SOURCES = {
    module_of(path): path
    for path in (*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "callbacks").rglob("*.py"))
    if not path.relative_to(ROOT).as_posix().startswith(f"{PACKAGE}/callbacks")  # a link to the top level's
}


def subpackages() -> dict[str, set[str]]:
    """Each subpackage of the table in docs/architecture.md, and the subpackages from which it may import."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", text, re.MULTILINE)
    assert len(table) > 10
    return {
        subpackage: {name for name, _ in table}
        if allowed.strip() == "all"
        else set(re.findall(r"`(\w+)`", allowed))
        for subpackage, allowed in table
    }


SUBPACKAGES = subpackages()
GROUND = {"errors", "palette", "text"}
"""Modules that every subpackage may import."""


def imports(module: str) -> set[str]:
    """All imports of a module: our modules by their full names, others as written."""
    found = set()
    for node in ast.walk(ast.parse(SOURCES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{module} has a relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in SOURCES else node.module for name in inner}
    return found


def subpackage_of(module: str) -> str:
    """The subpackage of one of our modules; empty for those at the root."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else ""


def test_every_package_on_disk_is_packaged():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    on_disk = {module for module, path in SOURCES.items() if path.name == "__init__.py"}
    assert listed == on_disk | {"xinc_lightning.configs", "xinc_lightning.data.bunny_panoptic"}


@pytest.mark.parametrize("name", ["callbacks", "configs"])
def test_symlinks_point_to_the_top_level_folders(name):
    link = ROOT / PACKAGE / name
    assert link.is_symlink()
    assert link.resolve() == ROOT / name


def test_root_of_the_package_has_only_the_listed_folders():
    there = {path.name for path in (ROOT / PACKAGE).iterdir() if path.name != "__pycache__"}
    files = {"__init__.py", "__main__.py", "errors.py", "palette.py", "py.typed"}
    assert there == files | {"configs", *SUBPACKAGES} - {"errors", "palette"}


@pytest.mark.parametrize("module", SOURCES)
def test_text_files_are_opened_as_utf_8(module):
    """Whatever the locale: every call that opens text says so."""
    for call in ast.walk(ast.parse(SOURCES[module].read_text("utf-8"))):
        name = getattr(getattr(call, "func", None), "attr", getattr(getattr(call, "func", None), "id", ""))
        if not isinstance(call, ast.Call) or name not in ("open", "read_text", "write_text"):
            continue
        said = [ast.unparse(part) for part in (*call.args, *call.keywords)]
        about_text = name != "open" or (said and re.fullmatch(r"'[rwax+]+'|newline=.*", said[0]))
        assert not about_text or any("utf-8" in part for part in said), ast.unparse(call)


def test_table_of_packages_has_no_cycle():
    assert [
        *TopologicalSorter(
            {subpackage: below - {subpackage} for subpackage, below in SUBPACKAGES.items()}
        ).static_order()
    ]


@pytest.mark.parametrize("subpackage", SUBPACKAGES)
def test_package_imports_only_from_listed_packages(subpackage):
    allowed = SUBPACKAGES[subpackage] | {subpackage, *GROUND, ""}
    wrong = {
        (module, name)
        for module in SOURCES
        if subpackage_of(module) == subpackage
        for name in imports(module)
        if name.split(".")[0] == PACKAGE and subpackage_of(name) not in allowed
    }
    assert not wrong


def test_every_listed_import_is_used():
    used = {
        (subpackage_of(module), subpackage_of(name))
        for module in SOURCES
        for name in imports(module)
        if name.split(".")[0] == PACKAGE
    }
    listed = {
        (subpackage, below)
        for subpackage, all_below in SUBPACKAGES.items()
        if subpackage not in ("cli", "paper")
        for below in all_below
    }
    assert not listed - used


def test_no_import_cycles_between_modules():
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
    "cli.explore": {"torch", "lightning", "matplotlib", "wandb"},
    "cli.main": {"torch", "lightning", "matplotlib", "wandb", "numpy"},
}
"""Heavy libraries that a subpackage must not import."""


@pytest.mark.parametrize("subpackage", WITHOUT)
def test_package_is_imported_without_forbidden_packages(subpackage):
    script = f"import sys, xinc_lightning.{subpackage}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not WITHOUT[subpackage] & set(loaded)


def test_wandb_and_matplotlib_are_imported_in_one_place():
    users = {
        library: {module for module in SOURCES for name in imports(module) if name.split(".")[0] == library}
        for library in ("wandb", "matplotlib")
    }
    assert users["wandb"] == {"xinc_lightning.loggers.wandb_session"}
    assert {subpackage_of(module) for module in users["matplotlib"]} == {"figures"}


def test_long_files_give_a_reason():
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
