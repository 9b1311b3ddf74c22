"""Figures of several runs on one axis."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from xinc_lightning.figures import Figure, Panel, overlay
from xinc_lightning.runs.arrays import Arrays, Form
from xinc_lightning.studies.comparison import Comparison, Place
from xinc_lightning.text import printable

Line = tuple[np.ndarray, np.ndarray]
Lines = dict[int, Line]
Rows = list[list[Panel]]

BINS = 40

MOST_PANELS, MOST_ROWS = 300, 40
"""Most panels of a figure; a larger one takes minutes to render and is not legible."""

UNSHOWN = ("_q25", "_q75", "_rank", "_null_median", "_above_null")
"""Of the variances, evolution shows medians and their distance from shifted labels."""


def figures_of(comparison: Comparison) -> tuple[dict[str, Figure], list[str]]:
    """All figures for which the runs have data, by name; and the names of those that are not legible and left out.

    Raises:
        RunError: if a file is damaged.
    """
    epochs = [snapshot.epoch for snapshot in comparison.snapshots]
    at = (
        f"epoch {epochs[0]}"
        if len(set(epochs)) == 1
        else f"epochs {', '.join(map(str, epochs))} (as in the legend)"
    )
    titles = {
        "quality": "PSNR over training",
        "variance": f"Variance over groups of pixels · {at}",
        "pixels_per_neuron": f"Pixels at which a neuron exceeds an equal share · {at}",
        "neurons_per_pixel": f"Neurons that count at a pixel · {at}",
        "intensity": f"Contribution against intensity and edges · {at}",
    }
    rows = {
        "quality": quality(comparison),
        "variance": sorted_variances(comparison),
        "pixels_per_neuron": pixels_per_neuron_histograms(comparison),
        "neurons_per_pixel": neurons_per_pixel_distributions(comparison),
        "intensity": intensity_correlations(comparison),
    }
    figures = {
        name: overlay(panels, comparison.labels, titles[name], points=name == "intensity")
        for name, panels in rows.items()
        if _readable(panels)
    }
    left_out = [name for name, panels in rows.items() if panels and not _readable(panels)]
    followed = any(len(run.snapshots) > 1 for run in comparison.runs)
    for over in ("epoch", "psnr") if followed else ():
        for analysis, panels in evolutions(comparison, over).items():
            title = f"{analysis} over {'epochs' if over == 'epoch' else 'PSNR'}"
            name = f"evolution_{_file_name(analysis)}_by_{over}"
            if _readable(panels):
                figures[name] = overlay(panels, comparison.labels, title, points=True)
            elif panels:
                left_out.append(name)
    return figures, left_out


def _readable(panels: Rows) -> bool:
    return len(panels) <= MOST_ROWS and 0 < sum(map(len, panels)) <= MOST_PANELS


def _file_name(analysis: str) -> str:
    """An analysis's name made safe as part of a file name.

    >>> _file_name("../x y")
    '___x_y'
    """
    return re.sub(r"[^\w-]", "_", printable(analysis, 60))


def sorted_variances(comparison: Comparison) -> Rows:
    """One row per partition: each run's live neurons, sorted by variance (Fig 4)."""
    arrays = _arrays(comparison, "variance", {"dead": "? n"})
    partitions = dict.fromkeys(
        key.removeprefix("scores_") for saved in arrays.values() for key in saved if key.startswith("scores_")
    )

    def curve(saved: Arrays, partition: str) -> Line:
        scores = saved[f"scores_{partition}"]
        scores = np.sort(scores[~saved["dead"]]) if scores.shape == saved["dead"].shape else scores[:0]
        return np.linspace(0, 100, len(scores)), scores

    return [
        [
            Panel(
                f"{place.name}: {partition}",
                "live neurons, sorted (%)",
                "variance of δ",
                _lines(arrays, place, partial(curve, partition=partition), f"scores_{partition}"),
            )
            for place in _with(arrays, comparison.places)
        ]
        for partition in partitions
    ]


def pixels_per_neuron_histograms(comparison: Comparison) -> Rows:
    """Pixels per neuron: a histogram at the top, the sorted counts at the bottom (Fig 6)."""
    arrays = _arrays(comparison, "pixels_per_neuron", {"counts": "# n", "pixels": "#"})

    def shares(saved: Arrays) -> np.ndarray:
        counts: np.ndarray = 100 * np.sort(saved["counts"]) / max(float(saved["pixels"]), 1.0)
        return counts

    def histogram(saved: Arrays) -> Line:
        return _histogram(shares(saved), np.linspace(0, 100, BINS + 1))

    def curve(saved: Arrays) -> Line:
        return np.linspace(0, 100, len(saved["counts"])), shares(saved)

    places = _with(arrays, comparison.places)
    what = "pixels of the neuron (%)"
    upper = [Panel(p.name, what, "neurons (%)", _lines(arrays, p, histogram)) for p in places]
    lower = [Panel(p.name, "neurons, sorted (%)", what, _lines(arrays, p, curve)) for p in places]
    return [upper, lower] if places else []


def neurons_per_pixel_distributions(comparison: Comparison) -> Rows:
    """One row per threshold: share of the neurons that count, over the pixels (Figs 7, 17)."""
    arrays = _arrays(comparison, "neurons_per_pixel", {"thresholds": "# t", "share": "# t h w"})
    arrays = {key: saved for key, saved in arrays.items() if len(saved["thresholds"])}
    found = dict.fromkeys(float(x) for saved in arrays.values() for x in saved["thresholds"])
    rows = []
    for threshold in [x for x in found if np.isfinite(x)][: MOST_ROWS + 1]:

        def histogram(saved: Arrays, x: float = threshold) -> Line:
            place = int(np.argmin(np.abs(saved["thresholds"] - x)))
            return _histogram(100 * saved["share"][place].ravel(), np.linspace(0, 100, BINS + 1))

        rows.append(
            [
                Panel(
                    f"{p.name}: |c| > τ{100 * threshold:g}",
                    "neurons (%)",
                    "pixels (%)",
                    _lines(arrays, p, histogram),
                )
                for p in _with(arrays, comparison.places)
            ]
        )
    return rows


def intensity_correlations(comparison: Comparison) -> Rows:
    """Correlation of Σ|c| with intensity and with edges, layer by layer (Fig 5)."""
    names = tuple(place.name for place in comparison.places)
    panels = []
    for what, name in (("intensity", "intensity"), ("edges", "edge")):
        lines: Lines = {}
        for run, snapshot in enumerate(comparison.snapshots):
            values = [
                snapshot.scalars.get(f"intensity/{place.layers[run]}/{name}_correlation", np.nan)
                for place in comparison.places
            ]
            if not np.isnan(values).all():
                lines[run] = (np.arange(len(values)), np.array(values))
        panels.append(Panel(f"Σ|c| and {what}", "layer, input side first", "Pearson's r", lines, names))
    return [panels] if any(panel.lines for panel in panels) else []


def evolutions(comparison: Comparison, over: str) -> dict[str, Rows]:
    """By analysis, one row per scalar: its values over training.

    Args:
        comparison: the runs.
        over: ``epoch`` or ``psnr``.
    """
    names: dict[str, dict[str, None]] = {}
    for row in comparison.rows():
        if row.analysis and not row.name.endswith(UNSHOWN):
            names.setdefault(row.analysis, {})[row.name] = None
    label = {"epoch": "epoch", "psnr": "PSNR (dB)"}[over]
    found = {}
    for analysis, scalars in names.items():
        rows = [
            [
                Panel(
                    f"{place.name}: {name}",
                    label,
                    "",
                    _courses(comparison, place, analysis, name, over),
                )
                for place in comparison.places
            ]
            for name in scalars
        ]
        found[analysis] = rows
    return found


def quality(comparison: Comparison) -> Rows:
    """PSNR over training."""
    lines = {
        number: (np.array([*run.measured]), np.array([*run.measured.values()]))
        for number, run in enumerate(comparison.runs)
        if run.measured
    }
    return [[Panel("", "epoch", "PSNR (dB)", lines)]] if lines else []


def _courses(comparison: Comparison, place: Place, analysis: str, name: str, over: str) -> Lines:
    lines = {}
    for number, (run, layer) in enumerate(zip(comparison.runs, place.layers, strict=True)):
        key = f"{analysis}/{layer}/{name}"
        course = [
            (float(s.epoch) if over == "epoch" else s.psnr, s.scalars[key])
            for s in run.snapshots
            if key in s.scalars
        ]
        if course:
            x, y = np.array(sorted(course)).T
            lines[number] = (x, y)
    return lines


def _arrays(comparison: Comparison, analysis: str, form: Form) -> dict[tuple[int, str], Arrays]:
    """What an analysis saved, by run and layer; without what is damaged, or of another form in an older version."""
    return {
        (number, layer): saved
        for number, snapshot in enumerate(comparison.snapshots)
        for layer in snapshot.layers(analysis)
        if (saved := snapshot.find_arrays(analysis, layer, form)) is not None
    }


def _with(arrays: Mapping[tuple[int, str], object], places: Sequence[Place]) -> list[Place]:
    """Places of which some run has arrays."""
    return [place for place in places if any(key in arrays for key in enumerate(place.layers))]


def _lines(
    arrays: Mapping[tuple[int, str], Arrays],
    place: Place,
    points: Callable[[Arrays], Line],
    needed: str | None = None,
) -> Lines:
    return {
        number: points(arrays[number, layer])
        for number, layer in enumerate(place.layers)
        if layer and (number, layer) in arrays and (needed is None or needed in arrays[number, layer])
    }


def _histogram(values: np.ndarray, edges: np.ndarray) -> Line:
    """Percent of the values in each bin, as a line of steps."""
    counts = np.histogram(values, edges)[0] / max(len(values), 1)
    return np.repeat(edges, 2)[1:-1], np.repeat(100 * counts, 2)
