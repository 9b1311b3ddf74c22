"""Reads run folders, also of untrusted, incomplete or damaged runs.

All content is checked before it is used, see :mod:`xinc_lightning.runs.untrusted` and
:mod:`xinc_lightning.runs.schema`. Damaged content is skipped and listed in :attr:`Run.problems`.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.runs.arrays import Arrays, Form, misfit, read_arrays
from xinc_lightning.runs.layout import ANALYSES, CONFIG, REPORT, SCALARS, SETTINGS, WEIGHTS, snapshot_folders
from xinc_lightning.runs.metrics import Metrics, read_metrics
from xinc_lightning.runs.records import parse_json, parse_yaml
from xinc_lightning.runs.scalar_names import current_name, parse_scalar_name
from xinc_lightning.runs.schema import Config, Numbers, Scalars, Settings, checked
from xinc_lightning.runs.untrusted import UnreadableError, is_inside, read_bytes
from xinc_lightning.text import LONGEST, printable

MOST_BYTES = 1 << 23
"""Of a record in JSON."""

MOST_YAML = 1 << 18
"""Bytes of a configuration; a second of parsing."""


class RunError(UserError):
    """A run cannot be read, or lacks the requested data; the message is one sentence."""


class Problems:
    """Problems of reading a run, one sentence each.

    Args:
        run: the run's folder.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self._said: dict[str, None] = {}

    def say(self, path: Path, what: str) -> None:
        """Note that a file of the run ``is no JSON``, or the like."""
        self._said[printable(f"{path.relative_to(self.run)} {what}", 2 * LONGEST) + "."] = None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._said))


@dataclass(frozen=True)
class Snapshot:
    """The saved analyses of one epoch.

    Attributes:
        epoch: epochs completed.
        folder: its ``analyses/epoch=NNNN``.
        psnr: in dB over the clip, from the last validation before; NaN if there is none.
        scalars: all logged scalars, by full name ``<analysis>/<layer>/<name>``; null is NaN.
        network: layers of the network, input side first; empty in a run of a version that did not save them.
        frames: each frame's number in the source; empty likewise.
    """

    epoch: int
    folder: Path
    psnr: float
    scalars: Mapping[str, float]
    network: tuple[str, ...]
    frames: tuple[int, ...]
    problems: Problems = field(repr=False, compare=False)

    def layers(self, analysis: str) -> tuple[str, ...]:
        """Layers of which an analysis saved arrays, input side first."""
        folder = self.folder / analysis
        if not is_inside(folder, self.problems.run):
            return ()
        return ordered_layers((path.stem for path in folder.glob("*.npz")), self.network)

    @property
    def has_weights(self) -> bool:
        """Whether the weights of the network were kept."""
        return (self.folder / WEIGHTS).is_file()

    @cached_property
    def figures(self) -> Mapping[str, Path]:
        """Image files by name, without the suffix."""
        found = sorted(self.folder.rglob("*.png"))
        return {str(path.relative_to(self.folder).with_suffix("")): path for path in found}

    def find_arrays(
        self, analysis: str, layer: str, form: Form | None = None, only: Collection[str] | None = None
    ) -> Arrays | None:
        """Arrays that an analysis saved of a layer; None if there are none, or if they cannot be read.

        Args:
            analysis: its folder.
            layer: the file's name without its suffix.
            form: required names, types and axes of the arrays; None is returned for others.
            only: names of the arrays to read; by default all.
        """
        path = self.folder / analysis / f"{layer}.npz"
        try:
            found = read_arrays(path, self.problems.run, only)
        except FileNotFoundError:
            return None
        except UnreadableError as error:
            self.problems.say(path, str(error))
            return None
        if form is not None and (wrong := misfit(found, form)):
            self.problems.say(path, wrong)
            return None
        return found

    def arrays(self, analysis: str, layer: str) -> Arrays:
        """Arrays that an analysis saved of a layer.

        Raises:
            RunError: if there are none, or if they cannot be read.
        """
        found = self.find_arrays(analysis, layer)
        if found is None:
            raise RunError(f"'{self.folder}' has no {analysis} of {layer} that can be read.")
        return found


@dataclass(frozen=True)
class Run:
    """One run's folder.

    Attributes:
        path: the folder.
        config: the resolved configuration; empty if there is none.
        final: values of ``report.json`` of the trained network; empty if training did not finish.
        metrics: scalars logged in training.
        snapshots: the saved analyses, ordered by epoch.
        problems: what could not be read.
    """

    path: Path
    config: Mapping[str, Any]
    final: Mapping[str, float]
    metrics: Metrics
    snapshots: tuple[Snapshot, ...]
    problems: Problems = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The folder's."""
        return self.path.resolve().name

    @property
    def architecture(self) -> str:
        """``NeRV``, ``FFN`` …, or ``?``."""
        name: str = (self.config.get("model") or {}).get("class_path", "?")
        return name.rpartition(".")[2].removesuffix("Module")[:LONGEST]

    @property
    def seed(self) -> str:
        """Of everything random in it, or ``?``."""
        return str(self.config.get("seed_everything", "?"))

    @property
    def maps(self) -> str:
        """What its analyses looked at: ``contribution`` or ``effect``."""
        name: str = (self.config.get("canvas") or {}).get("maps", "contribution")
        return name[:LONGEST]

    @property
    def clip(self) -> str:
        """Which video, as the configuration names it."""
        data = self.config.get("data") or {}
        path = Path(data.get("path", "?")).name
        return (f"{path} {data['clip_id']}" if data.get("clip_id") else path)[:LONGEST]

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that any snapshot has numbers of, input side first."""
        keys = (parse_scalar_name(key) for snapshot in self.snapshots for key in snapshot.scalars)
        names = (name.layer for name in keys if name)
        return ordered_layers(names, self.network)

    @property
    def network(self) -> tuple[str, ...]:
        """Layers of the network, input side first; empty if the run does not say."""
        return max((snapshot.network for snapshot in self.snapshots), key=len, default=())

    @property
    def measured(self) -> Mapping[float, float]:
        """PSNR by epochs completed: of the whole clip where it was validated, else of the epoch's training steps."""
        return measured_psnr(self.metrics)


def read_run(path: Path, analysed: bool = True) -> Run:
    """Read a run's folder.

    Args:
        path: the folder.
        analysed: whether there must be analyses in it, as in a run that has just begun there are none.

    Raises:
        RunError: if there is no such folder, or no analyses in it where there must be.
    """
    path = Path(path)
    if not path.is_dir():
        raise RunError(f"there is no run '{path}'{did_you_mean_run(path)}")
    folders = {e: f for e, f in snapshot_folders(path / ANALYSES).items() if is_inside(f, path)}
    if not folders and (analysed or not (path / CONFIG).is_file()):
        inside = sorted({p.parents[1] for p in path.glob(f"*/{ANALYSES}/epoch=*")})
        hint = f"; did you mean '{inside[0]}'?" if inside else "."
        raise RunError(
            f"'{path}' has no {ANALYSES}/epoch=NNNN; train or test with callbacks such as nerv.yaml's{hint}"
        )
    problems = Problems(path)
    config = _record(path / CONFIG, Config, problems)
    final = _record(path / REPORT, Numbers, problems) or {}
    metrics = read_metrics(path, problems.say)
    measured = measured_psnr(metrics)
    snapshots = []
    for epoch, folder in folders.items():
        known = max((e for e in measured if e <= epoch), default=None)
        psnr = math.nan if known is None else measured[known]
        if epoch == max(folders):  # report.json is of the same network as the last analyses
            at_the_end = (final.get("psnr", math.nan), metrics.last.get("test/psnr", math.nan), psnr)
            psnr = next((value for value in at_the_end if not math.isnan(value)), math.nan)
            final = {**final, "psnr": psnr} if "psnr" in final else final  # null there, if it is infinite
        scalars = _record(folder / SCALARS, Scalars, problems)
        settings = _record(folder / SETTINGS, Settings, problems) or Settings()
        snapshots.append(
            Snapshot(
                epoch,
                folder,
                psnr,
                {current_name(n): x for n, x in scalars.scalars.items()} if scalars else {},
                tuple(settings.network.layers),
                tuple(settings.clip.indices),
                problems,
            )
        )
    return Run(
        path,
        config.model_dump(exclude_unset=True) if config else {},
        final,
        metrics,
        tuple(snapshots),
        problems,
    )


def measured_psnr(metrics: Metrics) -> dict[float, float]:
    """PSNR by epochs completed: of the whole clip where it was validated, else of the epoch's training steps."""
    return dict(sorted({**metrics.at("train/psnr"), **metrics.at("val/psnr")}.items()))


def ordered_layers(names: Iterable[str], network: Iterable[str] = ()) -> tuple[str, ...]:
    """Layers from the input side.

    Args:
        names: of the layers, each as often as it comes.
        network: all layers in the network's order. Those that are not in it follow as their names suggest:
            numbers count, and a head comes last.

    >>> ordered_layers(["head", "block10", "block2", "block2"])
    ('block2', 'block10', 'head')
    >>> ordered_layers(["decoder", "atoms"], ["encoder", "decoder", "atoms"])
    ('decoder', 'atoms')
    """
    places = {name: place for place, name in enumerate(network)}

    def key(name: str) -> tuple[int, bool, list[tuple[int, str]]]:
        parts = re.findall(r"[0-9]+|[^0-9]+", name)
        guess = [(int(p), "") if p[0] in "0123456789" else (-1, p) for p in parts]
        return places.get(name, len(places)), name == "head", guess

    return tuple(sorted(set(names), key=key))


def _record(path: Path, kind: Any, problems: Problems) -> Any:
    """Content of a file checked against its schema, without damaged parts; None if it cannot be read."""
    most, parse = (MOST_YAML, parse_yaml) if path.name == CONFIG else (MOST_BYTES, parse_json)
    try:
        value = parse(read_bytes(path, problems.run, most))
    except FileNotFoundError:
        return None
    except UnreadableError as error:
        problems.say(path, str(error))
        return None
    return checked(kind, value, lambda what: problems.say(path, what))


def did_you_mean_run(path: Path) -> str:
    """The end of a sentence that suggests the sibling folder with the nearest name."""
    beside = [other.name for other in path.parent.iterdir() if other.is_dir()] if path.parent.is_dir() else []
    folder = "" if path.parent == Path() else f"{path.parent}/"
    return did_you_mean(path.name, beside).replace("mean '", f"mean '{folder}") or "."
