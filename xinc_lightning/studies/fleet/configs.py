"""The configs that a plan names: what is in them, as far as a plan has to know."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.runs.records import parse_yaml
from xinc_lightning.runs.untrusted import UnreadableError, read_bytes

MOST_BYTES = 1 << 20
"""Of a config."""

Names = tuple[str, ...]


class PlanError(UserError):
    """A plan that is not valid; the message is one sentence."""


class Configs:
    """Reads configs, each once.

    Args:
        shipped: configs that may be named without their path.
    """

    def __init__(self, shipped: Mapping[str, Path]) -> None:
        self._shipped = shipped
        self.digest = cache(self._digest)
        self.data = cache(self._data)
        self.logs_to_wandb = cache(self._logs_to_wandb)

    def _digest(self, names: Names) -> str:
        """Of what they train; of the loggers the results do not depend."""
        trained = [
            {**content, "trainer": {k: v for k, v in _part(content, "trainer").items() if k != "logger"}}
            for content in self._contents(names)
        ]
        return hashlib.sha256(json.dumps(trained, sort_keys=True).encode()).hexdigest()

    def _data(self, names: Names) -> dict[str, Any]:
        """Their options of the data."""
        return {
            key: value for content in self._contents(names) for key, value in _part(content, "data").items()
        }

    def _logs_to_wandb(self, names: Names) -> bool:
        """Whether the last of them that names loggers names ours of W&B."""
        loggers = [_part(content, "trainer").get("logger") for content in self._contents(names)]
        return "WandbRun" in str(next((given for given in reversed(loggers) if given is not None), ""))

    def _contents(self, names: Names) -> list[dict[str, Any]]:
        return [_content(self._find(name)) for name in names]

    def _find(self, name: str) -> Path:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        if name not in self._shipped:
            near = did_you_mean(name, self._shipped) or "."
            raise PlanError(
                f"there is no config '{name}', neither here nor among the shipped configs "
                f"{', '.join(self._shipped)}{near}"
            )
        return self._shipped[name]


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """Content of a YAML file that has keys.

    Args:
        path: of the file.
        what: it is, for messages.

    Raises:
        PlanError: if it cannot be read, or has none.
        FileNotFoundError: if there is no such file.
    """
    try:
        content = parse_yaml(read_bytes(path, path.resolve().parent, MOST_BYTES))
    except UnreadableError as error:
        raise PlanError(f"the {what} '{path}' {error}.") from None
    if not isinstance(content, dict):
        raise PlanError(f"the {what} '{path}' has no keys.")
    return content


def _content(path: Path) -> dict[str, Any]:
    return read_mapping(path, "config")


def _part(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A section of a config; empty where it has none."""
    part = content.get(key)
    return part if isinstance(part, dict) else {}
