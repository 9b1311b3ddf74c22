"""Name and config of a W&B run, from the options, the environment and Lightning."""

import json
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class WhenUsed:
    """Stands for an object that is made when something of it is asked for.

    Args:
        make: makes it, or returns what was made before.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def sync_command(run: Path) -> str:
    """The command that sends what the server has not got of a run."""
    folder, here = run.absolute(), Path.cwd()
    return (
        f"xinc sync {shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))}"
    )


def from_environment() -> dict[str, Any]:
    """The options that the environment decides."""
    names = {"PROJECT": "project", "ENTITY": "entity", "NAME": "name", "RUN_GROUP": "group", "NOTES": "notes"}
    names["JOB_TYPE"] = "job_type"
    found: dict[str, Any] = {
        option: value for name, option in names.items() if (value := os.environ.get(f"WANDB_{name}"))
    }
    if tags := os.environ.get("WANDB_TAGS"):
        found["tags"] = [tag.strip() for tag in tags.split(",") if tag.strip()]
    return found


def default_tags(config: Mapping[str, Any]) -> list[str]:
    """Architecture and clip, as long as W&B allows."""
    return [str(config[key])[:64] for key in ("architecture", "video") if config.get(key)]


def without_twins(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config without the network's options at its top, where Lightning repeats them.

    >>> without_twins({"loss": "l2", "seed": 1, "model": {"init_args": {"loss": "l2"}}})
    {'seed': 1, 'model': {'init_args': {'loss': 'l2'}}}
    """
    model = config.get("model")
    repeated = model.get("init_args", {}) if isinstance(model, Mapping) else {}
    return {key: value for key, value in config.items() if key not in repeated}


def without_none(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config without the options that were left out.

    >>> without_none({"model": {"warmup": None, "loss": "l2"}, "ckpt_path": None})
    {'model': {'loss': 'l2'}}
    """
    found = {key: _without_none(value) for key, value in config.items()}
    return {key: value for key, value in found.items() if value is not None and value != {}}


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_none(value)
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def plain(params: Any) -> dict[str, Any]:
    """Hyperparameters, however Lightning hands them over, as a dictionary of what JSON can hold."""
    given = params if isinstance(params, Mapping) else vars(params)
    plain: dict[str, Any] = json.loads(
        json.dumps({str(key): value for key, value in given.items()}, default=str)
    )
    return plain
