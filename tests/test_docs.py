"""The documentation is correct: links have targets, examples run, and quoted messages exist."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# These have their own tests below.
MODULES = {"docs/own_analysis.md": "concentration", "docs/adding_a_network.md": "gaussian"}

NEEDS_DATA = {"docs/datasets.md", "docs/analyses.md"}


def page(path):
    """Name of a page, from the repository's root."""
    return path.relative_to(ROOT).as_posix()


def examples(path):
    """The Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def anchors(path):
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_links_have_targets(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), f"{page(path)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page(path)} links to {link}"


def test_there_are_examples():
    assert {page(path) for path in PAGES if examples(path)} >= {
        "README.md",
        "docs/canvas_engine.md",
        *MODULES,
    }


@pytest.mark.parametrize(
    ("path", "example"),
    [
        (path, example)
        for path in PAGES
        if page(path) not in {*MODULES, *NEEDS_DATA}
        for example in examples(path)
    ],
    ids=lambda value: page(value) if isinstance(value, Path) else "",
)
def test_example_runs(path, example):
    exec(compile(example, str(path), "exec"), {})


def messages():
    """All strings of the source but docstrings, with … in place of the fields of f-strings."""
    for path in (*(ROOT / "xinc_lightning").rglob("*.py"), *(ROOT / "callbacks").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
            elif (
                isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
            ):
                yield node.value


def test_messages_in_the_faq_exist():
    rows = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/faq.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 5
    source = "\n".join(messages())
    for quoted in rows:
        pattern = ".*".join(map(re.escape, quoted.split("…")))
        assert len(quoted.replace("…", "")) > 10, f"{quoted!r} says too little"
        assert re.search(pattern, source), f"no message is {quoted!r}"


def test_every_key_of_a_config_is_documented():
    script = [sys.executable, str(ROOT / "scripts" / "document_config.py"), "--check"]
    done = subprocess.run(script, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def train(folder, *arguments):
    """Train on the command line in a folder; returns the scalars of the last epoch."""
    command = [sys.executable, "-m", "xinc_lightning", "fit", *arguments]
    small = ["--trainer.max_epochs", "2", "--data.resize", "[16,32]", "--data.frames", "0:2"]
    done = subprocess.run(
        [*command, *small, "--name", "try", "--trainer.logger", "false"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "WANDB_MODE": "disabled"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return (folder / "runs/try-001/analyses/epoch=0002/scalars.json").read_text()


def test_own_analysis(tmp_path):
    (tmp_path / "concentration.py").write_text(examples(ROOT / "docs/own_analysis.md")[0])
    sized = ["--model.target_bpp", "600"]
    scalars = train(
        tmp_path, "--config", "quick.yaml", *sized, "--trainer.callbacks+=concentration.Concentration"
    )
    assert "concentration/head/half_share" in scalars


def test_own_network(tmp_path):
    (tmp_path / "gaussian.py").write_text(examples(ROOT / "docs/adding_a_network.md")[0])
    network = [
        "--model",
        "gaussian.GaussianModule",
        "--model.target_bpp",
        "null",
        "--model.target_parameters",
        "900",
    ]
    scalars = train(tmp_path, "--config", "ffn.yaml", *network, "--data.frames", "[0]")
    assert "maps/layer3/completeness_error" in scalars


def test_every_difference_from_the_paper_has_a_test():
    """The last column of the table names one that exists."""
    text = (ROOT / "docs/paper_and_code.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    named = [re.fullmatch(r".*\| `(test_\w+)` \|", row) for row in rows]
    assert len(rows) > 20
    assert all(named), [row for row, match in zip(rows, named, strict=True) if not match]
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {match[1] for match in named if match} <= defined
