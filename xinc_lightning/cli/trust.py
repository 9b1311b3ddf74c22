"""The config of a run, which may be somebody else's, makes nothing but our own classes unless ``--trust`` is given.

A config names classes, and the parser imports and makes whatever it names: a ``config.yaml`` is code. One's own configs
are meant to be that. A run folder may have been sent by somebody else, so its files are checked before the parser
sees them, and strictly: what a run writes itself names each class in full, and no other file.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import xinc_lightning.callbacks as callbacks
import xinc_lightning.data as data
import xinc_lightning.loggers as loggers
import xinc_lightning.modules as modules
from xinc_lightning.errors import UserError
from xinc_lightning.runs.layout import ANALYSES, CHECKPOINTS, CONFIG, METRICS, REPORT
from xinc_lightning.runs.records import parse_yaml
from xinc_lightning.runs.untrusted import UnreadableError, read_bytes

TRUST = "--trust"

CONFIGS = (".yaml", ".yml", ".json")
"""Files that the parser may be given, as a config or as a part of one."""

MARKS = (CHECKPOINTS, ANALYSES, METRICS, REPORT, "*.ckpt")
"""A folder with a config.yaml and one of these is a run."""

LARGEST = 1_000_000
"""Bytes of a config."""

SECTIONS = (
    "model",
    "data",
    "canvas",
    "trainer",
    "init_args",
    "dict_kwargs",
    "callbacks",
    "logger",
    "plugins",
)
"""Keys whose value names classes or, as text, a file with them."""

MAY_BE_CLASSES = ("strategy", "profiler", "accelerator", "precision")
"""Options of the trainer that are words such as ``auto``, or classes."""

WORD = re.compile(r"[\w-]*")


def vetted(args: Sequence[str]) -> list[str]:
    """The arguments without ``--trust``; unless it is there, configs in run folders have been checked.

    Raises:
        UserError: names the first class in the config of a run that is not one of ours.
    """
    if TRUST in args:
        return [arg for arg in args if arg != TRUST]
    for arg in args:
        option, _, value = arg.partition("=")
        path = Path(value if option.startswith("-") else arg)
        if path.suffix in CONFIGS and path.is_file() and _is_of_a_run(path):
            for name in foreign_classes(path):
                raise UserError(
                    f"'{path}' is the config of a run and names '{name}', which is not part of xinc_lightning and "
                    f"would be run as code. Add {TRUST} if you trust whoever made the run."
                )
    return list(args)


def foreign_classes(config: Path) -> list[str]:
    """What the config of a run names that is not one of our classes; paths of further configs, too.

    Raises:
        UserError: if the file cannot be read as a config.
    """
    try:
        content = parse_yaml(read_bytes(config, config.resolve().parent, LARGEST))
    except UnreadableError as error:
        raise UserError(f"'{config}' {error}; {TRUST} reads it as it is.") from None
    return list(dict.fromkeys(_foreign(content, "", config.resolve().parent)))


def _foreign(value: Any, key: str, folder: Path) -> Iterator[str]:
    """Names in a value that is found under a key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _foreign(item, name.rpartition(".")[2].removesuffix("+"), folder)
    elif isinstance(value, list):
        for item in value:
            yield from _foreign(item, key, folder)
    elif isinstance(value, str) and value not in _own():
        is_file = any((place / value).exists() for place in (folder, Path()))
        is_name = key in ("class_path", "config", "", *SECTIONS)
        if is_name or (key in MAY_BE_CLASSES and (is_file or not WORD.fullmatch(value))):
            yield value


@cache
def _own() -> frozenset[str]:
    """Names of our classes: alone, as exported, and where they are defined."""
    names = set()
    for package in (modules, data, callbacks, loggers):
        for name in package.__all__:
            exported = getattr(package, name)
            if isinstance(exported, type):
                defined = f"{exported.__module__}.{exported.__qualname__}"
                names |= {name, f"{package.__name__}.{name}", defined}
    return frozenset(names)


def _is_of_a_run(path: Path) -> bool:
    """Whether a file, or what it is a link to, lies in the folder of a run."""
    folders = {folder for place in (path.absolute(), path.resolve()) for folder in place.parents}
    return any((f / CONFIG).exists() and any(next(f.glob(mark), None) for mark in MARKS) for f in folders)
