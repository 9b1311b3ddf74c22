"""Several runs side by side: which checkpoints, which layers, which numbers."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from xinc_lightning.runs.reader import Checkpoint, Run, RunError, logged, ordered_layers

Matching = Literal["last", "epoch", "psnr"]
"""Compare each run's last checkpoint, the latest epoch that all have, or the highest PSNR that all reach."""

Value = str | float | None


@dataclass(frozen=True)
class Place:
    """Layers that are compared with each other.

    Attributes:
        name: of the layers, for people.
        layers: each run's layer; None if it has none here.
    """

    name: str
    layers: tuple[str | None, ...]


@dataclass(frozen=True)
class Row:
    """One quantity of all runs.

    Attributes:
        place: the layers it is of; empty for the runs as a whole.
        analysis: whose number it is; empty likewise.
        name: of the quantity.
        values: one a run; None where a run lacks it.
    """

    place: str
    analysis: str
    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs, and the checkpoint at which each is looked at.

    Attributes:
        runs: at least one.
        checkpoints: one a run.
        places: input side first.
    """

    runs: tuple[Run, ...]
    checkpoints: tuple[Checkpoint, ...]
    places: tuple[Place, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """What the runs are called: by folder, with its parent where that is needed to tell them apart."""
        names = [run.name for run in self.runs]
        return tuple(run.name if names.count(run.name) == 1 else str(run.path) for run in self.runs)

    def rows(self) -> list[Row]:
        """The runs as a whole, then every scalar, by layer and analysis."""
        return [*self._summary(), *self._scalars()]

    def _summary(self) -> list[Row]:
        def row(name: str, value: Callable[[Run, Checkpoint], Value]) -> Row:
            pairs = zip(self.runs, self.checkpoints, strict=True)
            return Row("", "", name, tuple(value(*pair) for pair in pairs))

        return [
            row("architecture", lambda run, _: run.architecture),
            row("clip", lambda run, _: run.clip),
            row("seed", lambda run, _: run.seed),
            row("epoch", lambda _, checkpoint: str(checkpoint.epoch)),
            row("PSNR at this epoch, dB", lambda _, checkpoint: _known(checkpoint.psnr)),
            row("PSNR at the end, dB", lambda run, _: run.final.get("psnr")),
            row("SSIM at the end", lambda run, _: run.final.get("ssim")),
            row("parameters", lambda run, _: _final(run, "parameters")),
            row("bpp", lambda run, _: _final(run, "bpp")),
            row("PSNR quantised, dB", lambda run, _: run.final.get("quantized_psnr")),
            row("bpp quantised and coded", lambda run, _: run.final.get("coded_bpp")),
        ]

    def _scalars(self) -> list[Row]:
        rows = []
        for place in self.places:
            found: dict[tuple[str, str], list[Value]] = {}
            for number, (layer, checkpoint) in enumerate(zip(place.layers, self.checkpoints, strict=True)):
                for key, value in checkpoint.scalars.items():
                    parts = key.split("/")
                    if len(parts) == 4 and parts[1] == layer:
                        values = found.setdefault((parts[2], parts[3]), [None] * len(self.runs))
                        values[number] = value
            rows += [Row(place.name, *names, tuple(values)) for names, values in found.items()]
        return rows


def compare(runs: Sequence[Run], at: Matching = "last") -> Comparison:
    """Choose a checkpoint of each run, and which layers belong together.

    Raises:
        RunError: if no checkpoints match.
    """
    return Comparison(tuple(runs), tuple(matched_checkpoints(runs, at)), tuple(matched_layers(runs)))


def matched_checkpoints(runs: Sequence[Run], at: Matching) -> list[Checkpoint]:
    """One analysed checkpoint a run.

    ``psnr`` takes the highest PSNR that every run has at some checkpoint, and of each run the checkpoint
    nearest to it; nothing is interpolated, so that the PSNRs differ by what the cadence of the analyses allows.

    Raises:
        RunError: if no epoch is common to all, or a run's PSNR is not known.
    """
    if at == "last":
        return [run.checkpoints[-1] for run in runs]
    if at == "epoch":
        common = set.intersection(*({c.epoch for c in run.checkpoints} for run in runs))
        if not common:
            epochs = "; ".join(
                f"{run.name} has {', '.join(str(c.epoch) for c in run.checkpoints)}" for run in runs
            )
            raise RunError(f"the runs have no analysed epoch in common: {epochs}.")
        return [next(c for c in run.checkpoints if c.epoch == max(common)) for run in runs]
    known = [[c for c in run.checkpoints if not math.isnan(c.psnr)] for run in runs]
    for run, checkpoints in zip(runs, known, strict=True):
        if not checkpoints:
            raise RunError(
                f"the PSNR of '{run.path}' is not known: it has no metrics.csv and no report.json."
            )
    target = min(max(c.psnr for c in checkpoints) for checkpoints in known)
    return [min(checkpoints, key=lambda c: abs(c.psnr - target)) for checkpoints in known]


def matched_layers(runs: Sequence[Run]) -> list[Place]:
    """Layers of the same name where runs share names; else those equally far from the output.

    Runs that share a layer's name belong to one kind of network. With one kind, places are its layers. With
    several, the last layers belong together, those before them, and so on, as the paper compares FFN's layer 3
    with NeRV's head.
    """
    kinds: list[list[str]] = []
    for run in runs:
        sharing = [kind for kind in kinds if set(kind) & set(run.layers)]
        kinds = [kind for kind in kinds if kind not in sharing]
        kinds.append(list(ordered_layers(name for kind in (*sharing, run.layers) for name in kind)))
    depth = max(len(kind) for kind in kinds)
    places = []
    for behind in reversed(range(depth)):
        together = [kind[-1 - behind] if behind < len(kind) else None for kind in kinds]
        layers = [
            next((name for name in together if name is not None and name in run.layers), None) for run in runs
        ]
        places.append(Place(" | ".join(dict.fromkeys(name for name in together if name)), tuple(layers)))
    return places


def csv_table(comparison: Comparison) -> str:
    """All numbers, in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["layer", "analysis", "quantity", *comparison.labels])
    for row in comparison.rows():
        values = ("" if value is None else value for value in row.values)
        writer.writerow([row.place, row.analysis, row.name, *values])
    return text.getvalue()


def markdown_table(comparison: Comparison) -> str:
    """All numbers, to four digits, as a table of GitHub's Markdown."""
    lines = [["layer", "analysis", "quantity", *comparison.labels]]
    lines += [["---"] * 3 + ["---:"] * len(comparison.runs)]
    lines += [[r.place, r.analysis, r.name, *map(readable, r.values)] for r in comparison.rows()]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def readable(value: Value) -> str:
    """A number to four digits, a count in full.

    >>> [readable(v) for v in (0.123456, 978557.0, 34.48951, 1.23e-07, None, "FFN")]
    ['0.1235', '978,557', '34.49', '1.23e-07', '–', 'FFN']
    """
    if value is None or isinstance(value, str):
        return value or "–"
    if math.isfinite(value) and value == int(value):
        return f"{int(value):,}"
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _final(run: Run, name: str) -> float | None:
    """A number of the trained network, or what was logged before it was trained."""
    value = run.final.get(name, logged(run.path, name))
    return _known(value)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
