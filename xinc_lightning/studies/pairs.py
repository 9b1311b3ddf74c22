"""Paired comparison of two settings over the clips that both have, at matched bits per pixel or at matched PSNR."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from xinc_lightning.runs.reader import Run, RunError, Snapshot
from xinc_lightning.runs.scalar_names import parse_scalar_name
from xinc_lightning.studies.bootstrap import Estimate, estimates
from xinc_lightning.studies.comparison import MATCHED_DB, matched_layers, matched_snapshots
from xinc_lightning.studies.population import Population

Condition = Literal["bpp", "psnr"]

MATCHED_BPP = 0.05
"""Relative difference of bits per pixel beyond which two runs are not of the same size."""

OF_THE_RUN = ("psnr", "ssim", "bpp", "quantized_psnr", "coded_bpp", "coded_bits_per_parameter")
"""Results of a trained network as a whole, compared at matched bpp; at matched PSNR only the PSNR is."""


@dataclass(frozen=True)
class Difference:
    """One quantity: the first setting less the second, clip by clip.

    Attributes:
        place: layers that correspond, as in :class:`~xinc_lightning.studies.comparison.Place`; empty for the network.
        analysis: of the quantity; empty likewise.
        name: of the quantity.
        estimate: of the mean difference over clips.
        clips: [n] places of the clips in the population.
        values: [n] each clip's difference of its seeds' means.
    """

    place: str
    analysis: str
    name: str
    estimate: Estimate
    clips: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Pair:
    """Two settings under one condition.

    Attributes:
        first: setting.
        second: setting.
        condition: what is equal.
        clips: that both have and that match.
        unmatched: clips that both have and that do not.
        differences: of the quantities that both have.
    """

    first: str
    second: str
    condition: Condition
    clips: int
    unmatched: int
    differences: tuple[Difference, ...]


def pairs_of(population: Population) -> list[Pair]:
    """Every two settings with a common clip, under both conditions."""
    return [
        _pair(population, first, second, condition)
        for first, second in combinations(population.setting_names, 2)
        if _common(population, first, second)
        for condition in ("bpp", "psnr")
    ]


def _common(population: Population, first: str, second: str) -> dict[str, tuple[list[int], list[int]]]:
    """By clip, both settings' runs of it."""
    found: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, setting in enumerate((first, second)):
        for place in population.of(setting):
            found[population.clips[place]][side].append(place)
    return {clip: sides for clip, sides in found.items() if all(sides)}


def _pair(population: Population, first: str, second: str, condition: Condition) -> Pair:
    chosen: dict[int, Snapshot] = {}
    common = _common(population, first, second)
    for both in common.values():
        chosen |= _matched(population, both, condition)
    places = [*chosen]
    sides = [1 if population.settings[place] == first else -1 for place in places]
    matching = len({population.clips[place] for place in places})
    differences = _differences(population, chosen, sides, condition) if places else ()
    return Pair(first, second, condition, matching, len(common) - matching, tuple(differences))


def _matched(
    population: Population, sides: tuple[list[int], list[int]], condition: Condition
) -> dict[int, Snapshot]:
    """A snapshot of each of the runs of one clip; none if they do not match."""
    places = [*sides[0], *sides[1]]
    runs = [population.runs[place] for place in places]
    if condition == "bpp":
        sizes = [_bpp(run) for run in runs]
        return dict(zip(places, matched_snapshots(runs, "last"), strict=True)) if _alike(sizes) else {}
    try:
        snapshots = dict(zip(places, matched_snapshots(runs, "psnr"), strict=True))
    except RunError:  # a PSNR is not known
        return {}
    means = [np.mean([snapshots[place].psnr for place in side]) for side in sides]
    return snapshots if abs(means[0] - means[1]) <= MATCHED_DB else {}


def _bpp(run: Run) -> float:
    return run.final.get("bpp", run.metrics.last.get("bpp", math.nan))


def _alike(sizes: Sequence[float]) -> bool:
    return min(sizes) > 0 and max(sizes) <= min(sizes) * (1 + MATCHED_BPP)


def _differences(
    population: Population, chosen: dict[int, Snapshot], sides: Sequence[int], condition: Condition
) -> list[Difference]:
    """Of every quantity that a run of each side has, over the clips in which both have it."""
    runs = [population.runs[place] for place in chosen]
    columns: dict[tuple[str, str, str], list[float]] = {}

    def put(key: tuple[str, str, str], place: int, value: float) -> None:
        columns.setdefault(key, [math.nan] * len(runs))[place] = value

    for number, (run, snapshot) in enumerate(zip(runs, chosen.values(), strict=True)):
        put(("", "", "psnr"), number, snapshot.psnr)
        for name in OF_THE_RUN[1:] if condition == "bpp" else ():
            put(("", "", name), number, _bpp(run) if name == "bpp" else run.final.get(name, math.nan))
    for number, (names, snapshot) in enumerate(zip(_place_names(runs), chosen.values(), strict=True)):
        for key, value in snapshot.scalars.items():
            of = parse_scalar_name(key)
            if of and of.layer in names:
                put((names[of.layer], of.analysis, of.name), number, value)
    clips = population.clip_numbers([*chosen])
    made = estimates(np.array([*columns.values()]).T, clips, sides)
    found = []
    for ((place_name, analysis, name), column), estimate in zip(columns.items(), made, strict=True):
        if estimate.clips:
            by_clip = _by_clip(column, clips, sides)
            values = tuple(by_clip.values())
            found.append(Difference(place_name, analysis, name, estimate, tuple(by_clip), values))
    return found


def _place_names(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Of each run, the names of the places of its layers: those of one name may be in several places.

    One run of each kind is matched: to match thousands of runs takes long, and their kinds are few.
    """
    kinds = {(run.architecture, run.layers): run for run in runs}
    names: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {kind: {} for kind in kinds}
    for place in matched_layers([*kinds.values()]):
        for kind, layer in zip(kinds, place.layers, strict=True):
            if layer is not None:
                names[kind][layer] = place.name
    return [names[run.architecture, run.layers] for run in runs]


def _by_clip(column: Sequence[float], clips: Sequence[int], sides: Sequence[int]) -> dict[int, float]:
    """The difference of the sides' means in each clip that has both."""
    cells: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for value, clip, side in zip(column, clips, sides, strict=True):
        if math.isfinite(value):
            cells[clip][side].append(value)
    return {
        clip: float(np.mean(cell[1]) - np.mean(cell[-1])) for clip, cell in cells.items() if len(cell) == 2
    }
