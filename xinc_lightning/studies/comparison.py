"""Comparison of several runs: which snapshots, layers and scalars correspond."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from xinc_lightning.runs.layout import METRICS, REPORT
from xinc_lightning.runs.reader import Run, RunError, Snapshot, ordered_layers
from xinc_lightning.runs.scalar_names import parse_scalar_name
from xinc_lightning.text import markdown_cell, printable

Matching = Literal["last", "epoch", "psnr"]
"""Compare each run's last snapshot, the latest epoch that all have, or the highest PSNR that all reach."""

MATCHED_DB = 1.0
"""Difference of PSNR beyond which snapshots at matched PSNR do not match."""

Value = str | float | None


@dataclass(frozen=True)
class Place:
    """Layers that are compared with each other.

    Attributes:
        name: readable name of the layers.
        layers: each run's layer; None if it has none here.
    """

    name: str
    layers: tuple[str | None, ...]


@dataclass(frozen=True)
class Row:
    """One quantity of all runs.

    Attributes:
        place: its layers; empty for the runs as a whole.
        analysis: its analysis; empty likewise.
        name: of the quantity.
        values: one per run; None if a run lacks it.
    """

    place: str
    analysis: str
    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs, and the snapshot of each that is compared.

    Attributes:
        runs: at least one.
        snapshots: one per run.
        places: input side first.
    """

    runs: tuple[Run, ...]
    snapshots: tuple[Snapshot, ...]
    places: tuple[Place, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the runs: their folders, with what is needed to distinguish them: parent folder, kind of maps."""
        names = [run.name for run in self.runs]
        differ = len({run.maps for run in self.runs}) > 1
        return tuple(
            (run.name if names.count(run.name) == 1 else str(run.path)) + f" ({run.maps}s)" * differ
            for run in self.runs
        )

    def rows(self) -> list[Row]:
        """The runs as a whole, then every scalar, by layer and analysis."""
        return [*self.summary(), *self._scalars()]

    def summary(self) -> list[Row]:
        """Rows of the runs as a whole: settings and results."""

        def row(name: str, value: Callable[[Run, Snapshot], Value]) -> Row:
            pairs = zip(self.runs, self.snapshots, strict=True)
            return Row("", "", name, tuple(value(*pair) for pair in pairs))

        return [
            row("architecture", lambda run, _: run.architecture),
            row("clip", lambda run, _: run.clip),
            row("seed", lambda run, _: run.seed),
            row("maps", lambda run, _: run.maps),
            row("epoch", lambda _, snapshot: str(snapshot.epoch)),
            row("PSNR at this epoch, dB", lambda _, snapshot: _known(snapshot.psnr)),
            row("PSNR at the end, dB", lambda run, _: _final(run, "psnr")),
            row("SSIM at the end", lambda run, _: _final(run, "ssim")),
            row("parameters", lambda run, _: _final(run, "parameters", "parameters")),
            row("bpp", lambda run, _: _final(run, "bpp", "bpp")),
            row("PSNR quantised, dB", lambda run, _: _final(run, "quantized_psnr")),
            row("bpp quantised and coded", lambda run, _: _final(run, "coded_bpp")),
        ]

    def _scalars(self) -> list[Row]:
        rows = []
        for place in self.places:
            found: dict[tuple[str, str], list[Value]] = {}
            for number, (layer, snapshot) in enumerate(zip(place.layers, self.snapshots, strict=True)):
                for key, value in snapshot.scalars.items():
                    of = parse_scalar_name(key)
                    if of and of.layer == layer:
                        values = found.setdefault((of.analysis, of.name), [None] * len(self.runs))
                        values[number] = value
            rows += [Row(place.name, *names, tuple(values)) for names, values in found.items()]
        return rows


def compare(runs: Sequence[Run], at: Matching = "last") -> Comparison:
    """Choose a snapshot of each run, and match their layers.

    Raises:
        RunError: if no snapshots match.
    """
    return Comparison(tuple(runs), tuple(matched_snapshots(runs, at)), tuple(matched_layers(runs)))


def matched_snapshots(runs: Sequence[Run], at: Matching) -> list[Snapshot]:
    """One snapshot per run.

    ``psnr`` uses the highest PSNR that every run reaches at some snapshot, and the snapshot of each run nearest to it.
    Nothing is interpolated, so that the PSNRs differ depending on the schedules of the analyses.

    Raises:
        RunError: if no epoch is common to all, or a run's PSNR is not known.
    """
    if at == "last":
        return [run.snapshots[-1] for run in runs]
    if at == "epoch":
        common = set.intersection(*({s.epoch for s in run.snapshots} for run in runs))
        if not common:
            epochs = "; ".join(
                f"{run.name} has {', '.join(str(s.epoch) for s in run.snapshots)}" for run in runs
            )
            raise RunError(f"the runs have no analysed epoch in common: {epochs}.")
        return [next(s for s in run.snapshots if s.epoch == max(common)) for run in runs]
    known = [[s for s in run.snapshots if not math.isnan(s.psnr)] for run in runs]
    for run, snapshots in zip(runs, known, strict=True):
        if not snapshots:
            raise RunError(f"the PSNR of '{run.path}' is not known: it has no {METRICS} and no {REPORT}.")
    target = min(max(s.psnr for s in snapshots) for snapshots in known)
    return [
        min(snapshots, key=lambda s: abs(s.psnr - target) if s.psnr != target else 0) for snapshots in known
    ]


def matched_layers(runs: Sequence[Run]) -> list[Place]:
    """Layers of the same name for runs of the same kind; else layers at the same distance from the output.

    Runs of one architecture that share a layer's name have the same kind of network, and are compared layer by layer.
    For different kinds, the last layers correspond to each other, then those before them, and so on, as the paper
    compares FFN's layer 3 with NeRV's head.
    """
    kinds: list[list[Run]] = []
    for run in runs:
        related = [kind for kind in kinds if any(_alike(run, other) for other in kind)]
        kinds = [kind for kind in kinds if not any(kind is other for other in related)]
        kinds.append([*(other for kind in related for other in kind), run])
    of_kinds = [_layers(kind) for kind in kinds]
    kind_of = [next(n for n, kind in enumerate(kinds) if any(run is one for one in kind)) for run in runs]
    places = []
    for behind in reversed(range(max(map(len, of_kinds)))):
        together = [layers[-1 - behind] if behind < len(layers) else None for layers in of_kinds]
        own = [
            together[kind] if together[kind] in run.layers else None
            for run, kind in zip(runs, kind_of, strict=True)
        ]
        places.append(Place(" | ".join(dict.fromkeys(name for name in together if name)), tuple(own)))
    return places


def _alike(one: Run, other: Run) -> bool:
    """Whether two runs have the same kind of network."""
    return one.architecture == other.architecture and bool({*one.layers} & {*other.layers})


def _layers(runs: Sequence[Run]) -> tuple[str, ...]:
    """Layers of runs of one kind of network, input side first."""
    network: tuple[str, ...] = max((run.network for run in runs), key=len)
    return ordered_layers((name for run in runs for name in run.layers), network)


def csv_table(comparison: Comparison) -> str:
    """All values, unrounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["layer", "analysis", "quantity", *map(printable, comparison.labels)])
    for row in comparison.rows():
        cells = (row.place, row.analysis, row.name, *("" if value is None else value for value in row.values))
        writer.writerow([printable(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()


def markdown_table(comparison: Comparison) -> str:
    """All values, to four digits, as a table in GitHub's Markdown."""
    lines = [["layer", "analysis", "quantity", *map(markdown_cell, comparison.labels)]]
    lines += [["---"] * 3 + ["---:"] * len(comparison.runs)]
    lines += [
        [markdown_cell(cell) for cell in (row.place, row.analysis, row.name, *map(readable, row.values))]
        for row in comparison.rows()
    ]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def readable(value: Value) -> str:
    """A number to four digits, a count in full.

    >>> [readable(v) for v in (0.123456, 978557.0, 34.48951, 1.23e-07, None, "FFN", math.inf, 1e99)]
    ['0.1235', '978,557', '34.49', '1.23e-07', '–', 'FFN', '∞', '1e+99']
    """
    if value is None or isinstance(value, str):
        return value or "–"
    if math.isinf(value) or abs(value) >= 1e15:
        return "∞" if value == math.inf else f"{value:.4g}"
    if math.isfinite(value) and value == int(value):
        return f"{int(value):,}"
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _final(run: Run, name: str, logged: str = "") -> float | None:
    """A value of the trained network, or the one logged before training."""
    return _known(run.final.get(name, run.metrics.last.get(logged, math.nan)))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
