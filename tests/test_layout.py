"""The house is laid out as its plan says: packages, import directions, what may be imported where."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [*(ROOT / "xinc_lightning").rglob("*.py"), *(ROOT / "callbacks").glob("*.py")]


def test_every_package_on_disk_is_packaged():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    on_disk = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "xinc_lightning").rglob("__init__.py")
    }
    on_disk |= {"xinc_lightning.callbacks", "xinc_lightning.configs", "xinc_lightning.data.bunny_panoptic"}
    assert listed == on_disk


@pytest.mark.parametrize("name", ["callbacks", "configs"])
def test_links_lead_to_the_folders_at_the_top(name):
    link = ROOT / "xinc_lightning" / name
    assert link.is_symlink()
    assert link.resolve() == ROOT / name


ABOVE = {
    "networks": [
        "canvas",
        "analyses",
        "figures",
        "modules",
        "data",
        "callbacks",
        "lightning",
        "matplotlib",
        "wandb",
    ],
    "canvas": ["analyses", "figures", "modules", "data", "callbacks", "lightning", "matplotlib", "wandb"],
    "analyses": ["figures", "modules", "callbacks", "lightning", "matplotlib", "wandb", "umap", "sklearn"],
    "figures": ["modules", "callbacks", "lightning", "wandb", "matplotlib.pyplot"],
    "data": ["networks", "canvas", "analyses", "figures", "modules", "callbacks", "matplotlib", "wandb"],
    "compression": [
        "networks",
        "canvas",
        "analyses",
        "figures",
        "modules",
        "callbacks",
        "lightning",
        "wandb",
    ],
    "modules": ["canvas", "analyses", "figures", "callbacks", "wandb"],
    "cli": ["torch", "lightning", "matplotlib", "wandb", "numpy"],
}


@pytest.mark.parametrize("layer", ABOVE)
def test_nothing_imports_upwards(layer):
    script = f"import sys, xinc_lightning.{layer}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    ours = {"canvas", "analyses", "figures", "modules", "data", "callbacks", "networks"}
    forbidden = {f"xinc_lightning.{name}" if name in ours else name for name in ABOVE[layer]}
    assert not forbidden & set(loaded)


def test_wandb_and_matplotlib_are_imported_in_one_place():
    def imports(path):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from (name.split(".")[0] for name in names)

    assert {p.name for p in SOURCES if "wandb" in imports(p)} == {"wandb_run.py"}
    assert {p.parent.name for p in SOURCES if "matplotlib" in imports(p)} == {"figures"}


def test_callbacks_refuse_to_be_imported_twice():
    done = subprocess.run(
        [sys.executable, "-c", "import callbacks"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode != 0
    assert "xinc_lightning.callbacks" in done.stderr
