"""Figures of a summary: the findings, the scalars over clips, the paired differences."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeVar

from xinc_lightning.figures import DotPanel, DotRow, Figure, dots_of_clips
from xinc_lightning.studies.bootstrap import Estimate
from xinc_lightning.studies.pairs import OF_THE_RUN, Difference, Pair
from xinc_lightning.studies.summary import SHOWN, Spread, Summary, is_shown
from xinc_lightning.studies.summary_tables import CONDITIONS, direction
from xinc_lightning.studies.verdicts import Answer
from xinc_lightning.text import counted

T = TypeVar("T", Spread, Difference)

UNITS = {
    **{"psnr": "dB", "quantized_psnr": "dB", "bpp": "bits per pixel", "coded_bpp": "bits per pixel"},
    "coded_bits_per_parameter": "bits",
    **{
        f"variance/{name}_median": "variance of δ"
        for name in ("instances", "rgb", "gabor", "grid", "lattice")
    },
    **{
        f"variance/{name}_effect": "standard deviations of shifts"
        for name in ("instances", "rgb", "gabor", "grid")
    },
    **{f"maps/{name}": "share of the neurons" for name in ("no_contribution", "inactive")},
    **{f"intensity/{name}_correlation": "Pearson's r" for name in ("intensity", "edge")},
    "pixels_per_neuron/median_share": "share of the pixels",
    "neurons_per_pixel/effective_share": "share of the neurons",
    "flow_vs_fluctuation/spearman": "Spearman's ρ",
    "flow_vs_fluctuation/auc": "area under the ROC curve",
    "faithfulness/cosine_median": "cosine",
    "faithfulness/rank_contribution": "Spearman's ρ",
}
"""Of the scalars that are drawn."""

MOST_ROWS = 40
"""Of a panel; of more settings and layers the first are drawn."""

MOST_PAIRS = 12
"""Figures of pairs; the tables have all."""


def figures_of(summary: Summary) -> tuple[dict[str, Figure], list[str]]:
    """Figures by name; and the names of pairs that have none since there are too many."""
    found = summary.population
    counts = f"{counted(len(found.clip_names), 'clip')}, {counted(len(found.runs), 'run')}"
    panels = {
        "findings": ([*_findings(summary.answers)], f"The paper's findings over {counts}"),
        "networks": ([*_spreads(summary.spreads, whole=True)], f"Networks over {counts}"),
        "scalars": ([*_spreads(summary.spreads, whole=False)], f"Scalars of layers over {counts}"),
    }
    drawable = [pair for pair in summary.pairs if pair.differences]
    for number, pair in enumerate(drawable[:MOST_PAIRS], start=1):
        title = (
            f"{pair.first} less {pair.second}, at {CONDITIONS[pair.condition]}, {counted(pair.clips, 'clip')}"
        )
        panels[f"pair{number:02d}_{pair.condition}"] = [*_differences(pair)], title
    figures = {
        name: dots_of_clips(drawn, found.clip_names, title)
        for name, (drawn, title) in panels.items()
        if drawn
    }
    return figures, [f"{pair.first} and {pair.second}" for pair in drawable[MOST_PAIRS:]]


def _findings(answers: Sequence[Answer]) -> Iterable[DotPanel]:
    several = len({one.setting for one in answers}) > 1
    for finding, own in groupby(answers, lambda one: one.finding):
        rows = [
            _row(_label(one.setting, one.layer, several), one.values, one.clips, one.estimate, one.verdict)
            for one in own
        ]
        title = f"{finding.name}: {finding.agreeing_values}"
        bounds = finding.least, finding.most
        yield DotPanel(title, rows[:MOST_ROWS], finding.axis, bounds, finding.factor)


def _spreads(spreads: Sequence[Spread], whole: bool) -> Iterable[DotPanel]:
    several = len({one.setting for one in spreads}) > 1
    shown = [one for one in spreads if is_shown(one.analysis, one.name) and bool(one.layer) != whole]
    for name, own in _by_name(shown):
        rows = [_row(_label(s.setting, s.layer, several), s.values, s.clips, s.estimate) for s in own]
        yield DotPanel(name, rows[:MOST_ROWS], UNITS.get(name, ""))


def _differences(pair: Pair) -> Iterable[DotPanel]:
    shown = [one for one in pair.differences if is_shown(one.analysis, one.name)]
    for name, own in _by_name(shown):
        rows = [_row(d.place or "network", d.values, d.clips, d.estimate, direction(d)) for d in own]
        yield DotPanel(name, rows[:MOST_ROWS], "difference " * (name in UNITS) + UNITS.get(name, ""), (0.0,))


def _by_name(items: Sequence[T]) -> list[tuple[str, list[T]]]:
    """Groups by the scalar's name: those of the network, then those of :data:`SHOWN`, in their order."""
    groups: dict[str, list[T]] = {name: [] for name in (*OF_THE_RUN, *SHOWN)}
    for item in items:
        groups.setdefault("/".join(filter(None, (item.analysis, item.name))), []).append(item)
    return [(name, group) for name, group in groups.items() if group]


def _row(label: str, values: Sequence[float], clips: Sequence[int], of: Estimate, note: str = "") -> DotRow:
    return DotRow(label, values, clips, of.mean, of.low, of.high, note if math.isfinite(of.low) else "")


def _label(setting: str, layer: str, several: bool) -> str:
    return f"{setting} {layer}".strip() if several else layer or "network"
