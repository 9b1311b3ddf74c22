"""Grids: the product of axes, each of which is a key of the config with values, or names with settings."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xinc_lightning.studies.fleet.configs import PlanError

KEY = re.compile(r"[a-z]\w*(\.\w+)*")
"""A key of a config, such as ``model.init_args.target_bpp``."""

CONFIG = "config"
"""Names other configs in the settings of a place."""

NOT_YOURS = ("name", "trainer.default_root_dir", "ckpt_path")
"""Keys that a fleet sets for each of its fits."""

Settings = dict[str, Any]
"""Values by the keys of a config."""

Axis = dict[str, Settings]
"""The settings of each place on an axis, by its label."""


def places(grid: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], Settings]]:
    """Every place of a grid: its labels by axis, and its settings; the last axis changes fastest.

    Args:
        grid: axes as a plan has them.
        data: options of the data that all places have, for ``clips: all``.

    Raises:
        PlanError: for an axis without values, or with values that cannot be those of its key.
        DataError: if all clips of a dataset are wanted that cannot be read.

    >>> [*places({"seeds": [1, 2]}, {})]
    [({'seed': '1'}, {'seed_everything': 1}), ({'seed': '2'}, {'seed_everything': 2})]
    """
    axes = dict(_axis(key, values, data) for key, values in grid.items())
    if len(axes) < len(grid):
        raise PlanError(f"two axes of a grid have the same name; there are {', '.join(grid)}.")
    setters: dict[str, str] = {}
    for axis, given in zip(axes.values(), grid, strict=True):
        for key in {key for settings in axis.values() for key in settings}:
            if setters.setdefault(key, given) != given:
                raise PlanError(f"{setters[key]} and {given} both set {key}.")
    for chosen in itertools.product(*(axis.items() for axis in axes.values())):
        labels = {name: label for name, (label, _) in zip(axes, chosen, strict=True)}
        yield labels, {key: value for _, settings in chosen for key, value in settings.items()}


def settings_of(where: str, given: object) -> Settings:
    """Settings as a plan has them.

    Args:
        where: in the plan, for messages.
        given: what is there; None for no settings.

    Raises:
        PlanError: if it is something else than keys of a config with values.
    """
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise PlanError(f"{where} is {given!r}; it needs keys of the config with their values.")
    for key in given:
        _check_key(key, where)
    return dict(given)


def texts_of(where: str, given: object) -> tuple[str, ...]:
    """One text or several.

    Raises:
        PlanError: if it is something else.
    """
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise PlanError(f"{where} is {given!r}; it must be a name or a list of names, such as nerv.yaml.")
    return tuple(texts)


def _axis(key: str, values: object, data: Mapping[str, Any]) -> tuple[str, Axis]:
    """Name and places of an axis."""
    name = {"clips": "clip", "seeds": "seed"}.get(key, key.rpartition(".")[2])
    if key == "clips" and values == "all":
        if "path" not in data:
            raise PlanError("clips: all needs the data.path of a dataset.")
        from xinc_lightning.data.datasets import clip_ids  # takes seconds, which a node of Ray need not spend

        values = clip_ids(data["path"])
    if isinstance(values, dict) and values:
        return name, {label: settings_of(f"{key}: {label}", settings) for label, settings in values.items()}
    if not isinstance(values, list) or not values:
        raise PlanError(f"{key} is {values!r}; it needs a list of values, or names with their settings.")
    own = {"clips": "data.clip_id", "seeds": "seed_everything"}.get(key, key)
    _check_key(own, "grid")
    axis = {_label(value): {own: value} for value in values}
    if len(axis) < len(values):
        raise PlanError(f"{key} has the same value more than once: {values!r}.")
    return name, axis


def _label(value: object) -> str:
    """A value in the name of a run; of a path its last part."""
    return Path(value).name if isinstance(value, str) and "/" in value else str(value)


def _check_key(key: object, where: str) -> None:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise PlanError(f"{where}: {key!r} is no key of a config, such as model.init_args.target_bpp.")
    if key in NOT_YOURS:
        raise PlanError(f"{where}: {key} is set by the fleet, for each of its fits.")
