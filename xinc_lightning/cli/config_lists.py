"""A later list of callbacks or loggers replaces the earlier one.

jsonargparse replaces it, too, but if both have the same length, an entry inherits missing options from the earlier
entry of the same class at the same index. A null in between prevents that.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import yaml
from jsonargparse import get_loader

LISTS = ("callbacks", "logger", "plugins")
"""The trainer's options that may be lists of classes."""


def lists_replaced(args: Sequence[str]) -> list[str]:
    """The arguments, with a null before each one that sets such a list, itself or in a config.

    >>> lists_replaced(["fit", "--trainer.logger=[MetricsFile]", "--trainer.max_epochs", "3"])
    ['fit', '--trainer.logger=null', '--trainer.logger=[MetricsFile]', '--trainer.max_epochs', '3']
    """
    replaced = []
    for arg, following in zip(args, [*args[1:], ""], strict=True):
        option, equals, value = arg.partition("=")
        value = value if equals else following
        if option in ("--config", "-c"):
            given = _trainer_of(Path(value))
        elif option.startswith("--trainer."):
            given = {option.removeprefix("--trainer."): _loaded(value)}
        else:
            given = {}
        replaced += [f"--trainer.{name}=null" for name in LISTS if isinstance(given.get(name), list)]
        replaced.append(arg)
    return replaced


def _trainer_of(config: Path) -> dict[str, object]:
    """The trainer section of a config; empty if it cannot be read, which the parser will report."""
    content = None
    with suppress(OSError, ValueError):
        content = _loaded(config.read_text(encoding="utf-8"))
    trainer = content.get("trainer") if isinstance(content, dict) else None
    return trainer if isinstance(trainer, dict) else {}


def _loaded(text: str) -> object:
    """The text as the parser reads it; None if it is not YAML."""
    with suppress(yaml.YAMLError):
        return get_loader("yaml")(text)
    return None
