"""What a run left in its folder: checkpoints' scalars and arrays, PSNR, configuration. Reads files only."""

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from xinc_lightning.errors import UserError

class RunError(UserError):
    """A run cannot be read; says what is missing in one sentence."""


@dataclass(frozen=True)
class Checkpoint:
    """The analyses of one checkpoint.

    Attributes:
        epoch: epochs completed.
        folder: where its results are.
        psnr: in dB over the clip, as last measured before; NaN if it never was.
    """

    epoch: int
    folder: Path
    psnr: float

    @cached_property
    def scalars(self) -> Mapping[str, float]:
        """Every number that was logged, by its full name ``xinc/<layer>/<analysis>/<name>``; null is NaN."""
        path = self.folder / "scalars.json"
        try:
            scalars = json.loads(path.read_text())["scalars"]
            return {name: math.nan if value is None else float(value) for name, value in scalars.items()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"'{path}' cannot be read: {error}.") from None

    def layers(self, analysis: str) -> tuple[str, ...]:
        """Layers of which an analysis left arrays, input side first."""
        return ordered_layers(path.stem for path in (self.folder / analysis).glob("*.npz"))

    def arrays(self, analysis: str, layer: str) -> dict[str, np.ndarray]:
        """What an analysis saved about a layer.

        Raises:
            RunError: if it saved nothing, or the file is damaged.
        """
        path = self.folder / analysis / f"{layer}.npz"
        try:
            with np.load(path, allow_pickle=False) as saved:
                return dict(saved)
        except FileNotFoundError:
            raise RunError(f"'{self.folder}' has no {analysis} of {layer}.") from None
        except Exception as error:  # what a damaged archive raises is zipfile's and numpy's business
            raise RunError(f"'{path}' cannot be read: {error}.") from None


@dataclass(frozen=True)
class Run:
    """One run's folder.

    Attributes:
        path: the folder.
        config: the resolved configuration; empty if there is none.
        final: what ``report.json`` says about the trained network; empty if training did not end.
        measured: PSNR by epochs completed, over the whole clip where it was validated.
        checkpoints: those that were analysed, by epoch.
    """

    path: Path
    config: Mapping[str, Any]
    final: Mapping[str, float]
    measured: Mapping[int, float]
    checkpoints: tuple[Checkpoint, ...]

    @property
    def name(self) -> str:
        """The folder's."""
        return self.path.name

    @property
    def architecture(self) -> str:
        """``NeRV``, ``FFN`` …, or ``?``."""
        name: str = (self.config.get("model") or {}).get("class_path", "?")
        return name.rpartition(".")[2].removesuffix("Module")

    @property
    def seed(self) -> str:
        """Of everything random in it, or ``?``."""
        return str(self.config.get("seed_everything", "?"))

    @property
    def clip(self) -> str:
        """Which video, as the configuration names it."""
        data = self.config.get("data") or {}
        path = Path(str(data.get("path", "?"))).name
        return f"{path} {data['clip_id']}" if data.get("clip_id") else path

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that any checkpoint has numbers of, input side first."""
        keys = (key for checkpoint in self.checkpoints for key in checkpoint.scalars)
        return ordered_layers(parts[1] for key in keys if len(parts := key.split("/")) == 4)


def read_run(path: Path) -> Run:
    """Read a run's folder.

    Raises:
        RunError: if there is no such folder, or no analysed checkpoint in it.
    """
    path = Path(path)
    if not path.is_dir():
        siblings = [p.name for p in path.parent.iterdir() if p.is_dir()] if path.parent.is_dir() else []
        near = get_close_matches(path.name, siblings, 1)
        raise RunError(
            f"there is no run '{path}'." + (f" Did you mean '{path.parent / near[0]}'?" if near else "")
        )
    folders = {
        int(match[1]): folder
        for folder in path.glob("analyses/epoch=*")
        if (match := re.fullmatch(r"epoch=(\d+)", folder.name)) and (folder / "scalars.json").is_file()
    }
    if not folders:
        raise RunError(f"'{path}' has no analysed checkpoint: there is no {path / 'analyses'}/epoch=*.")
    config, final, measured = _config(path / "config.yaml"), _json(path / "report.json"), measured_psnr(path)
    checkpoints = []
    for epoch, folder in sorted(folders.items()):
        known = max((e for e in measured if e <= epoch), default=None)
        psnr = math.nan if known is None else measured[known]
        if epoch == max(folders):  # Report measures the network that the last analyses saw
            tested = logged(path, "test/psnr")
            psnr = final.get("psnr", psnr if math.isnan(tested) else tested)
        checkpoints.append(Checkpoint(epoch, folder, psnr))
    return Run(path, config, final, measured, tuple(checkpoints))


def measured_psnr(path: Path) -> dict[int, float]:
    """PSNR by epochs completed: of the whole clip where it was validated, else of the epoch's training steps."""
    trained: dict[int, float] = {}
    validated: dict[int, float] = {}
    for row in _metrics(path):
        for name, found in (("train/psnr", trained), ("val/psnr", validated)):
            if row.get(name) and row.get("epoch"):
                found[int(float(row["epoch"]))] = float(row[name])
    return dict(sorted({**trained, **validated}.items()))


def logged(path: Path, name: str) -> float:
    """The last number that was logged under this name; NaN if none was."""
    values = [float(row[name]) for row in _metrics(path) if row.get(name)]
    return values[-1] if values else math.nan


def ordered_layers(names: Iterable[str]) -> tuple[str, ...]:
    """Layers from the input side: numbers count, and a head comes last.

    >>> ordered_layers(["head", "block10", "block2", "block2"])
    ('block2', 'block10', 'head')
    """

    def key(name: str) -> tuple[bool, list[tuple[int, str]]]:
        parts = re.findall(r"\d+|\D+", name)
        return name == "head", [(int(p), "") if p.isdigit() else (-1, p) for p in parts]

    return tuple(sorted(set(names), key=key))


def metrics_files(path: Path) -> list[Path]:
    """A run's metrics files that there are, those put aside when it was resumed first."""
    parts = sorted(path.glob("metrics-part*.csv"), key=lambda p: (len(p.name), p.name))
    return [file for file in (*parts, path / "metrics.csv") if file.is_file()]


def _metrics(path: Path) -> Iterator[dict[str, str]]:
    """Rows of all metrics files; their column ``epoch`` counts completed epochs."""
    for file in metrics_files(path):
        with file.open(newline="") as rows:
            yield from csv.DictReader(rows)


def _config(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text()) if path.is_file() else {}
    except yaml.YAMLError as error:
        raise RunError(f"'{path}' is no YAML: {str(error).splitlines()[0]}.") from None
    return config if isinstance(config, dict) else {}


def _json(path: Path) -> dict[str, float]:
    try:
        return dict(json.loads(path.read_text())) if path.is_file() else {}
    except ValueError as error:
        raise RunError(f"'{path}' is no JSON: {error}.") from None
