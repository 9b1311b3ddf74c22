"""Plans of many fits: a config, and a grid over clips, seeds and any keys of the config.

    name: demo
    config: nerv.yaml                 # or a list, as several --config
    set: {trainer.max_epochs: 150}
    grid:                             # or a list of grids
      clips: all                      # or ids, or names with their settings
      seeds: [1, 2, 3]
      model.init_args.target_bpp: [16, 32]

A plan becomes cells, each of which is one ordinary command with a run folder of its own. A run's name ends in a digest
of its cell's settings: a cell whose settings have changed is another cell, and all others keep their runs.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinc_lightning.errors import did_you_mean
from xinc_lightning.studies.fleet.configs import Configs, PlanError, read_mapping
from xinc_lightning.studies.fleet.grid import CONFIG, Settings, places, settings_of, texts_of

KEYS = ("name", "runs", "config", "set", "grid")

LONGEST = 80
"""Characters of the readable part of a run's name."""


@dataclass(frozen=True)
class Cell:
    """One fit of a plan.

    Attributes:
        name: of its run's folder, without the number.
        labels: where it is in the grid, by axis: ``clip``, ``seed``, or the last part of a config's key.
        configs: names or paths, in order.
        settings: of this cell, in addition to the configs.
        logger: options of its loggers, on which the results do not depend.
        runs: folder of the plan's runs.
    """

    name: str
    labels: Mapping[str, str]
    configs: tuple[str, ...]
    settings: Settings
    logger: Settings
    runs: Path

    @property
    def arguments(self) -> list[str]:
        """Of the command that begins this fit."""
        configs = [argument for config in self.configs for argument in ("--config", config)]
        options = {
            **self.settings,
            **{f"trainer.logger.{key}": value for key, value in self.logger.items()},
            "name": self.name,
            "trainer.default_root_dir": str(self.runs),
        }
        return ["fit", *configs, *(f"--{key}={as_argument(value)}" for key, value in options.items())]


@dataclass(frozen=True)
class Plan:
    """All fits of a fleet.

    Attributes:
        name: of the fleet; the group of its runs in W&B.
        runs: folder of the runs.
        cells: in the order in which they are started.
    """

    name: str
    runs: Path
    cells: tuple[Cell, ...]


def read_plan(path: Path, shipped: Mapping[str, Path]) -> Plan:
    """Read a plan from a YAML file.

    Args:
        path: of the file, or the name of a shipped one.
        shipped: files that may be named without their path.

    Raises:
        PlanError: if there is no such file, or it is no plan.
        DataError: if all clips of a dataset are wanted that cannot be read.
    """
    file = path if path.is_file() else shipped.get(str(path), path)
    try:
        content = read_mapping(file, "plan")
    except FileNotFoundError:
        beside = [other.name for other in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        near = did_you_mean(path.name, [*beside, *shipped]) or "."
        raise PlanError(f"there is no plan '{path}'{near}") from None
    return make_plan({**content, "name": content.get("name") or path.stem}, shipped)


def make_plan(content: Mapping[str, Any], shipped: Mapping[str, Path]) -> Plan:
    """The cells of a plan.

    Args:
        content: what is in a plan's file; its ``name`` must be there.
        shipped: see :func:`read_plan`.

    Raises:
        PlanError: names the first thing that is not valid.
        DataError: if all clips of a dataset are wanted that cannot be read.
    """
    for key in content:
        if key not in KEYS:
            near = did_you_mean(key, KEYS) or f"; its keys are {', '.join(KEYS)}."
            raise PlanError(f"a plan has no key '{key}'{near}")
    name = str(content["name"])
    if not re.fullmatch(r"\w[\w.=-]*", name):
        raise PlanError(
            f"the plan's name is '{name}'; it may have letters, digits and '-', '_', '.', '=' only."
        )
    runs = Path(str(content.get("runs") or f"runs/{name}")).expanduser()
    configs = Configs(shipped)
    grids = content.get("grid") or {}
    cells: list[Cell] = []
    for grid in grids if isinstance(grids, list) else [grids]:
        if not isinstance(grid, dict):
            raise PlanError(f"a grid is {grid!r}; it needs keys with their values, such as seeds: [1, 2].")
        axes = {key: value for key, value in grid.items() if key not in (CONFIG, "set")}
        names = texts_of(CONFIG, grid.get(CONFIG, content.get(CONFIG)))
        fixed = settings_of("set", content.get("set")) | settings_of("set", grid.get("set"))
        if CONFIG in fixed:
            raise PlanError("set: config belongs beside it, not into it.")
        for labels, chosen in places(axes, {**configs.data(names), **_data(fixed)}):
            own = texts_of(CONFIG, chosen.pop(CONFIG)) if CONFIG in chosen else names
            cells.append(_cell(name, runs, configs, own, labels, {**fixed, **chosen}))
    twice = [name for name, count in Counter(cell.name for cell in cells).items() if count > 1]
    if twice:
        raise PlanError(f"{len(twice)} fits are in the plan more than once, the first is '{twice[0]}'.")
    return Plan(name, runs, tuple(cells))


def as_argument(value: Any) -> str:
    """A value as the command line takes it: text as it is, anything else as JSON.

    >>> [as_argument(value) for value in ("0:30", [0, 5], None, 16)]
    ['0:30', '[0, 5]', 'null', '16']
    """
    return value if isinstance(value, str) else json.dumps(value)


def _cell(
    fleet: str,
    runs: Path,
    configs: Configs,
    names: tuple[str, ...],
    labels: dict[str, str],
    settings: Settings,
) -> Cell:
    trained = {key: value for key, value in settings.items() if not key.startswith("trainer.logger")}
    digest = hashlib.sha256(
        (configs.digest(names) + json.dumps(trained, sort_keys=True)).encode()
    ).hexdigest()
    said = [label if axis == "clip" else f"{axis}{label}" for axis, label in labels.items()]
    readable = re.sub(r"[^\w.=-]+", "_", "-".join([Path(names[0]).stem, *said]))[:LONGEST]
    group = {"group": fleet} if configs.logs_to_wandb(names) and "trainer.logger" not in settings else {}
    return Cell(f"{readable}-{digest[:6]}", labels, names, settings, group, runs)


def _data(settings: Settings) -> dict[str, Any]:
    """The options of the data among settings."""
    return {key.removeprefix("data."): value for key, value in settings.items() if key.startswith("data.")}
