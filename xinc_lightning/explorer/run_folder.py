"""What a run folder holds, found and read, whatever is missing or broken."""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import yaml

from xinc_lightning.errors import UserError
from xinc_lightning.runs.reader import metrics_files

Arrays = Mapping[str, np.ndarray]


class ReportError(UserError):
    """What was given is no run with analyses; the message is one sentence."""


@dataclass(frozen=True)
class Look:
    """What was written at one checkpoint.

    Attributes:
        epoch: epochs completed.
        folder: its ``analyses/epoch=NNNN``.
        scalars: numbers by name.
        figures: picture files by name, without the ending.
    """

    epoch: int
    folder: Path
    scalars: Mapping[str, float]
    figures: Mapping[str, Path]


@dataclass
class RunFolder:
    """One run.

    Attributes:
        name: the folder's.
        path: where it is.
        looks: its checkpoints' analyses by epoch, the first first.
        config: ``config.yaml``, flat: dotted names and values.
        report: ``report.json``, the evaluation at the end.
        metrics: curves from ``metrics.csv``: by name, epochs completed and values.
        problems: what could not be read, a sentence each.
    """

    name: str
    path: Path
    looks: list[Look]
    config: Mapping[str, str]
    report: Mapping[str, float]
    metrics: Mapping[str, tuple[list[float], list[float]]]
    problems: list[str] = field(default_factory=list)

    def arrays(self, look: Look, name: str) -> Arrays | None:
        """The arrays of ``<name>.npz`` of one look; None if there are none, or none that can be read."""
        path = look.folder / f"{name}.npz"
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as saved:
                return dict(saved)
        except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
            self.problems.append(f"{path.relative_to(self.path)} cannot be read ({type(error).__name__}).")
            return None

    @property
    def curves(self) -> dict[str, tuple[list[float], list[float]]]:
        """Every number over the epochs: those of the looks, then those logged in training."""
        found: dict[str, tuple[list[float], list[float]]] = {}
        for look in self.looks:
            for name, value in look.scalars.items():
                epochs, values = found.setdefault(name, ([], []))
                epochs.append(look.epoch)
                values.append(value)
        return {**self.metrics, **found}


def read_run(path: Path) -> RunFolder:
    """Read a run folder.

    Raises:
        ReportError: if it is none, or has no analyses.
    """
    if not path.is_dir():
        siblings = [p.name for p in path.parent.iterdir() if p.is_dir()] if path.parent.is_dir() else []
        near = get_close_matches(path.name, siblings, 1)
        hint = f" Did you mean '{path.parent / near[0]}'?" if near else ""
        raise ReportError(f"there is no run folder '{path}'.{hint}")
    problems: list[str] = []
    folders = {
        int(match[1]): folder
        for folder in path.glob("analyses/epoch=*")
        if folder.is_dir() and (match := re.fullmatch(r"epoch=(\d+)", folder.name))
    }
    if not folders:
        inside = [p.parent.parent for p in sorted(path.glob("*/analyses/epoch=*"))]
        hint = f" Did you mean '{inside[0]}'?" if inside else ""
        raise ReportError(
            f"'{path}' has no analyses/epoch=NNNN; train or test with callbacks such as nerv.yaml's.{hint}"
        )
    looks = [_look(epoch, folder, problems) for epoch, folder in sorted(folders.items())]
    return RunFolder(
        name=path.resolve().name,
        path=path,
        looks=looks,
        config=_flat(_yaml(path / "config.yaml", problems)),
        report=_numbers(_json(path / "report.json", problems)),
        metrics=_metrics(path, problems),
        problems=problems,
    )


def _look(epoch: int, folder: Path, problems: list[str]) -> Look:
    record = _json(folder / "scalars.json", problems)
    scalars = record.get("scalars", {})
    figures = {str(p.relative_to(folder).with_suffix("")): p for p in sorted(folder.rglob("*.png"))}
    return Look(epoch, folder, _numbers(scalars if isinstance(scalars, dict) else {}), figures)


def _json(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return record if isinstance(record, dict) else {}
    except (OSError, ValueError) as error:
        problems.append(f"{path.parent.name}/{path.name} cannot be read ({type(error).__name__}).")
        return {}


def _yaml(path: Path, problems: list[str]) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        problems.append(f"{path.name} cannot be read ({type(error).__name__}).")
        return {}


def _numbers(record: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in record.items() if isinstance(value, int | float)}


def _flat(settings: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings under dotted names; classes in a list go by their own."""
    if isinstance(settings, list) and settings and all(isinstance(s, dict) for s in settings):
        settings = {str(s.get("class_path", i)).rpartition(".")[2]: s for i, s in enumerate(settings)}
    if not isinstance(settings, dict):
        return {prefix: "null" if settings is None else str(settings)} if prefix else {}
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if key != "init_args":
            flat |= _flat(value, f"{prefix}.{key}".lstrip("."))
        else:
            flat |= _flat(value, prefix)
    return flat


def _metrics(path: Path, problems: list[str]) -> dict[str, tuple[list[float], list[float]]]:
    """What was logged during training, by completed epochs; of what came twice, in a resumed run, the last."""
    curves: dict[str, dict[float, float]] = {}
    for file in metrics_files(path):
        try:
            for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
                epoch = row.pop("epoch", None)
                row.pop("step", None)
                for name, value in row.items():
                    if epoch and name and value and not name.startswith("xinc/"):
                        curves.setdefault(name, {})[float(epoch)] = float(value)
        except (OSError, ValueError, TypeError, csv.Error) as error:
            problems.append(f"{file.name} cannot be read ({type(error).__name__}).")
    return {name: ([*curve], [*curve.values()]) for name, curve in curves.items()}
