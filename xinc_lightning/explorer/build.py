"""Builds the HTML page of runs: one to open from disk with all its data, or one that asks a server."""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from xinc_lightning.explorer.encode import figure_width, picture, to_json, words
from xinc_lightning.explorer.layer_data import TABLES, layer_data
from xinc_lightning.palette import CLUSTER_COLOURS, COLOURS
from xinc_lightning.runs.arrays import Arrays
from xinc_lightning.runs.reader import Run, Snapshot
from xinc_lightning.runs.scalar_names import parse_scalar_name
from xinc_lightning.runs.untrusted import UnreadableError, read_bytes
from xinc_lightning.text import printable

SCRIPTS = (
    "state",
    "colours",
    "snapshots",
    "server",
    "exact",
    "frame",
    "neuron",
    "removal",
    "embedding",
    "figures",
    "curves",
    "about",
    "main",
)
"""Parts of the page's script, in order."""

FIGURES = (
    *("reconstructions", "maps", "variance", "intensity", "pixels_per_neuron", "neurons_per_pixel"),
    *("contribution_distribution", "things_and_stuff", "flow_vs_fluctuation", "neuron_clusters"),
)
"""The order in which figures are offered: the paper's."""


FRAME = {
    **{"frame": "B h w 3", "reconstruction": "B h w 3", "psnr": "#", "number": "i"},
    **{"clip": "U", "architecture": "U", "segments": "U s"},
}
"""Form of the arrays of the frame, see :data:`xinc_lightning.runs.arrays.Form`."""

MOST_BYTES = 1 << 26
"""Of a figure's file."""

WORKERS = 4
"""Snapshots that are compressed at once; each may hold its largest figure in memory."""


def build_page(runs: Sequence[Run]) -> str:
    """The self-contained page of these runs.

    >>> build_page([])[:15]
    '<!doctype html>'
    """
    overviews, snapshots = [], []
    for i, run in enumerate(runs):
        about = overview(run)
        with ThreadPoolExecutor(
            min(WORKERS, os.cpu_count() or 1)
        ) as pool:  # compressing pictures leaves the interpreter free
            found = list(pool.map(partial(snapshot_data, run, figure=embedded(run)), run.snapshots))
        for snapshot, data in zip(run.snapshots, found, strict=True):
            snapshots.append(
                f'<script type="application/json" id="snapshot-{i}-{snapshot.epoch}">{to_json(data)}</script>'
            )
        about["problems"] = problems_of(run)
        overviews.append(about)
    return _page(overviews, "\n".join(snapshots), live=False)[0]


def build_live_page(runs: Sequence[Run]) -> tuple[str, str]:
    """The same page with what it needs to begin; it asks for the rest. Also its Content-Security-Policy."""
    return _page([live_overview(run) for run in runs], "", live=True)


def live_overview(run: Run) -> dict[str, Any]:
    """What all epochs of a run share, and which of them can be computed anew."""
    return {
        **overview(run),
        "layers": run.network or run.layers,
        "problems": problems_of(run) if run.snapshots else [],
        "weights": [snapshot.epoch for snapshot in run.snapshots if snapshot.has_weights],
        "frames": run.snapshots[-1].frames if run.snapshots else [],
    }


def _page(overviews: list[dict[str, Any]], snapshots: str, live: bool) -> tuple[str, str]:
    """The page and its Content-Security-Policy: its own style and script, by their digests, and nothing else."""
    folder = files("xinc_lightning.explorer") / "page"
    style = (folder / "style.css").read_text(encoding="utf-8")
    code = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    script = "\n".join(['"use strict";', f"const LIVE = {json.dumps(live)};", _palette(), *code])
    policy = "; ".join(
        [
            "default-src 'none'",
            "img-src data: 'self'; connect-src 'self'" if live else "img-src data:",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "base-uri 'none'; form-action 'none'",
        ]
    )
    parts = {
        "policy": policy,
        "title": _escaped(printable(" · ".join(run["name"] for run in overviews)) or "no runs"),
        "style": style,
        "runs": to_json(overviews),
        "snapshots": snapshots,
        "script": script,
    }
    page = (folder / "page.html").read_text(encoding="utf-8")
    for name, text in parts.items():
        page = page.replace(f"<!-- {name} -->", text, 1)
    return page, policy


def _digest(text: str) -> str:
    """By which a policy allows a style or a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def overview(run: Run) -> dict[str, Any]:
    """Data that all snapshots of a run share."""
    found = [snapshot.find_arrays(TABLES, "frame", FRAME) for snapshot in run.snapshots]
    frames = [frame for frame in found if frame is not None]
    names = list(dict.fromkeys(name for snapshot in run.snapshots for name in snapshot.figures))
    return {
        "name": run.name,
        "architecture": str(frames[-1]["architecture"]) if frames else run.architecture,
        "epochs": [snapshot.epoch for snapshot in run.snapshots],
        "layers": run.layers,
        "figures": sorted(names, key=_figure_order),
        "frame": _frame(frames[-1]) if frames else None,
        "curves": curves_of(run),
        "report": run.final,
        "config": _flat(run.config),
    }


def _frame(frame: Arrays) -> dict[str, Any]:
    height, width = frame["frame"].shape[:2]
    labels = frame.get("labels")  # empty without masks
    if labels is not None and (labels.dtype.kind not in "iu" or labels.shape != (height, width)):
        labels = None
    return {
        "height": height,
        "width": width,
        "number": int(frame["number"]),
        "clip": str(frame["clip"]),
        "picture": picture(frame["frame"], lossless=True),
        "labels": None if labels is None else words(labels),
        "segments": [str(name) for name in frame["segments"]],
    }


def curves_of(run: Run) -> dict[str, tuple[list[float], list[float]]]:
    """All scalars over the epochs: those logged in training, and those of the snapshots."""
    found: dict[str, dict[float, float]] = {}
    for snapshot in run.snapshots:
        for name, value in snapshot.scalars.items():
            found.setdefault(name, {})[snapshot.epoch] = value
    logged = {name: curve for name, curve in run.metrics.curves.items() if not parse_scalar_name(name)}
    return {name: ([*curve], [*curve.values()]) for name, curve in {**logged, **found}.items()}


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


Figure = Callable[[str, Path], str]
"""From a figure's name and file to the address from which the page shows it."""


def embedded(run: Run) -> Figure:
    """Figures as data URLs, narrower the more there are."""
    widest = figure_width(sum(len(one.figures) for one in run.snapshots))
    return lambda name, path: picture(read_bytes(path, run.path, MOST_BYTES), widest=widest)


def snapshot_data(run: Run, snapshot: Snapshot, figure: Figure) -> dict[str, Any]:
    """Data of one epoch.

    Args:
        run: the run.
        snapshot: the epoch.
        figure: the address of a figure.
    """
    frame = snapshot.find_arrays(TABLES, "frame", FRAME)
    data: dict[str, Any] = {"figures": {}, "layers": {}}
    if frame is not None:
        data["psnr"] = float(frame["psnr"])
        data["reconstruction"] = picture(frame["reconstruction"], 90)
    for name, path in snapshot.figures.items():
        try:
            data["figures"][name] = figure(name, path)
        except FileNotFoundError:
            run.problems.say(path, "leads nowhere")
        except UnreadableError as error:
            run.problems.say(path, str(error))
    for layer in run.layers:
        try:
            data["layers"][layer] = layer_data(snapshot, layer)
        except (KeyError, ValueError, IndexError, TypeError, OverflowError) as error:
            what = f"holds arrays of {layer} that are not what this version writes ({error})"
            run.problems.say(snapshot.folder, what)
    return data


def problems_of(run: Run) -> list[str]:
    """What a run lacks and what could not be read of it, a sentence each."""
    return [*_missing(run), *run.problems]


def _missing(run: Run) -> list[str]:
    """What the page cannot show, and which callback produces it."""
    callbacks = {
        TABLES: ("pixels do not lead to neurons", "PixelsToNeurons"),
        "variance": ("neurons have no variances", "GroupingVariance"),
        "neuron_clusters": ("there is no UMAP", "NeuronClusters"),
    }
    return [
        f"{what[0].upper()}{what[1:]}: the run was made without the callback {callback}."
        for folder, (what, callback) in callbacks.items()
        if not any((snapshot.folder / folder).is_dir() for snapshot in run.snapshots)
    ]


def _palette() -> str:
    """The figures' colours as constants of the page's script."""
    return f"const COLOURS = {json.dumps(COLOURS)};\nconst CLUSTER_COLOURS = {json.dumps(CLUSTER_COLOURS)};"


def _figure_order(name: str) -> tuple[int, str]:
    kind = name.partition("/")[0]
    return FIGURES.index(kind) if kind in FIGURES else len(FIGURES), name


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
