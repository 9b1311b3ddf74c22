"""Writes docs/configuration.md, every key of a config, from the signatures and docstrings that the parser reads.

python scripts/document_config.py [--check]
"""

import argparse
import inspect
import sys
import typing
from pathlib import Path

from docstring_parser import parse

from xinc_lightning import callbacks
from xinc_lightning.canvas import CanvasOptions
from xinc_lightning.data import ClipDataModule
from xinc_lightning.modules import FFNModule, NeRVModule

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
HEAD = """\
# Every key of a config

Made by `python scripts/document_config.py` from the docstrings. The shipped configs (`xinc configs --copy`) are the
place to start from; each key can also be given on the command line: `--model.loss l1`, `--data.frames all`,
`--trainer.max_epochs 300`.

| key | |
|---|---|
| `name` | of the run's folder, `runs/<name>-NNN` |
| `seed_everything` | of all random numbers: initial weights, order of frames, analyses |
| `ckpt_path` | on the command line: `last`, `best` or a file; `fit` goes on from there |
| `model` | a network's module and its options: `class_path`, `init_args` |
| `data` | the clip |
| `canvas` | what counts as a neuron, for all analyses of the run |
| `trainer` | [Lightning's Trainer](https://lightning.ai/docs/pytorch/stable/): `max_epochs` and so on |
| `trainer.default_root_dir` | where run folders are made, `runs` unless given |
| `trainer.callbacks` | the list of analyses and other callbacks below |
| `trainer.logger` | the list of loggers below |

An option that has no default must be given. A later `--config` file, or `--trainer.callbacks` on the command line,
replaces a list as a whole; `--trainer.callbacks+=ContributionMaps` adds to it, beside one of the same class.
"""


def main() -> None:
    """Write the page, or say whether it is as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only compare; exit code 1 if it is out of date")
    check = parser.parse_args().check
    if not check:
        PAGE.write_text(text(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text():
        sys.exit(f"{PAGE.name} is out of date: run python scripts/document_config.py")


def text() -> str:
    """The whole page."""
    offered = [getattr(callbacks, name) for name in callbacks.__all__]
    analyses = [c for c in offered if issubclass(c, callbacks.AnalysisCallback) and not inspect.isabstract(c)]
    loggers = [callbacks.WandbRun, callbacks.MetricsFile]
    others = [callbacks.Progress, callbacks.Checkpoints, callbacks.FrameWriter, callbacks.Report]
    parts = [HEAD]
    for heading, classes in (
        ("model", [NeRVModule, FFNModule]),
        ("data", [ClipDataModule]),
        ("canvas", [CanvasOptions]),
        ("trainer.callbacks: analyses", analyses),
        ("trainer.callbacks: the others", others),
        ("trainer.logger", loggers),
    ):
        parts.append(f"## {heading}\n")
        parts += [section(owner) for owner in classes]
    return "\n".join(parts)


def section(owner: type) -> str:
    """One class: what it is for, and a table of its options."""
    lines = [f"### {owner.__name__}\n", f"{parse(inspect.getdoc(owner) or '').short_description}\n"]
    hints = typing.get_type_hints(owner.__init__)
    parameters = [
        p for p in inspect.signature(owner).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    rows = [
        f"| `{p.name}` | {plain(hints[p.name])} | {default(p)} | {description(owner, p.name)} |"
        for p in parameters
    ]
    if rows:
        lines += ["| option | type | default | |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def description(owner: type, name: str) -> str:
    """What an option means, from the nearest ancestor that says more than where to look it up."""
    for ancestor in inspect.getmro(owner):
        for documented in parse(ancestor.__doc__ or "").params:
            words = " ".join((documented.description or "").split())
            if documented.arg_name == name and not words.startswith(("see ", "likewise")):
                return words.replace("``", "`").replace("|", "\\|")
    raise ValueError(f"{owner.__name__} does not document its option {name!r}.")


def plain(hint: object) -> str:
    """A type as a user would say it."""
    name = hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
    for long, short in (("typing.", ""), ("collections.abc.", ""), ("NoneType", "null"), ("None", "null")):
        name = name.replace(long, short)
    return f"`{name}`".replace("|", "\\|")


def default(parameter: inspect.Parameter) -> str:
    """The default as it would be written in YAML."""
    value = parameter.default
    if value is parameter.empty:
        return ""
    words = {None: "null", True: "true", False: "false"}
    is_word = value is None or isinstance(value, bool)
    return f"`{words[value] if is_word else list(value) if isinstance(value, tuple) else value}`"


if __name__ == "__main__":
    main()
