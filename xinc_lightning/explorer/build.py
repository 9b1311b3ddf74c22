"""Runs put into one HTML page."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from typing import Any

from xinc_lightning.explorer.encode import figure_width, picture, to_json, words
from xinc_lightning.explorer.layer_data import TABLES, layer_data, layer_names
from xinc_lightning.explorer.run_folder import Arrays, Look, RunFolder
from xinc_lightning.figures.style import CLUSTER_COLOURS, COLOURS

SCRIPTS = ("state", "colours", "looks", "frame", "neuron", "embedding", "figures", "curves", "about", "main")
"""Parts of the page's script, in order."""

FIGURES = (
    *("reconstructions", "maps", "variance", "intensity", "pixels_per_neuron", "neurons_per_pixel"),
    *("contribution_distribution", "things_and_stuff", "flow_vs_fluctuation", "neuron_clusters"),
)
"""The order in which figures are offered: the paper's."""


def build_page(runs: Sequence[RunFolder]) -> str:
    """The page of these runs, with everything it needs inside.

    >>> build_page([])[:15]
    '<!doctype html>'
    """
    folder = files("xinc_lightning.explorer") / "page"
    overview, looks = [], []
    for i, run in enumerate(runs):
        about = _run(run)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # compressing pictures leaves the interpreter free
            found = list(pool.map(partial(_look, run, about["layers"]), run.looks))
        for look, data in zip(run.looks, found, strict=True):
            looks.append(
                f'<script type="application/json" id="look-{i}-{look.epoch}">{to_json(data)}</script>'
            )
        about["problems"] = list(dict.fromkeys([*_missing(run), *sorted(run.problems)]))
        overview.append(about)
    parts = {
        "title": _escaped(" · ".join(run.name for run in runs) or "no runs"),
        "style": (folder / "style.css").read_text(encoding="utf-8"),
        "runs": to_json(overview),
        "looks": "\n".join(looks),
        "script": _palette()
        + "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS),
    }
    page = (folder / "page.html").read_text(encoding="utf-8")
    for name, text in parts.items():
        page = page.replace(f"<!-- {name} -->", text, 1)
    return page


def _run(run: RunFolder) -> dict[str, Any]:
    """What holds for all of a run's looks."""
    frames = [frame for look in run.looks if (frame := run.arrays(look, f"{TABLES}/frame")) is not None]
    names = list(dict.fromkeys(name for look in run.looks for name in look.figures))
    model = run.config.get("model.class_path", run.config.get("model", ""))
    architecture = model.rpartition(".")[2].removesuffix("Module")
    return {
        "name": run.name,
        "architecture": str(frames[-1]["architecture"]) if frames else architecture,
        "epochs": [look.epoch for look in run.looks],
        "layers": layer_names(run),
        "figures": sorted(names, key=_figure_order),
        "frame": _frame(frames[-1]) if frames else None,
        "curves": run.curves,
        "report": run.report,
        "config": run.config,
    }


def _frame(frame: Arrays) -> dict[str, Any]:
    height, width = frame["frame"].shape[:2]
    return {
        "height": height,
        "width": width,
        "number": int(frame["number"]),
        "clip": str(frame["clip"]),
        "picture": picture(frame["frame"], lossless=True),
        "labels": words(frame["labels"]) if frame["labels"].size else None,
        "segments": [str(name) for name in frame["segments"]],
    }


def _look(run: RunFolder, layers: Sequence[str], look: Look) -> dict[str, Any]:
    frame = run.arrays(look, f"{TABLES}/frame")
    data: dict[str, Any] = {"figures": {}, "layers": {}}
    if frame is not None:
        data["psnr"] = float(frame["psnr"])
        data["reconstruction"] = picture(frame["reconstruction"], 90)
    widest = figure_width(sum(len(one.figures) for one in run.looks))
    for name, path in look.figures.items():
        try:
            data["figures"][name] = picture(path, widest=widest)
        except OSError:
            run.problems.append(f"{path.relative_to(run.path)} is no picture that can be read.")
    for layer in layers:
        try:
            data["layers"][layer] = layer_data(run, look, layer)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            run.problems.append(
                f"epoch {look.epoch}: the arrays of {layer} are not what this version writes ({error})."
            )
    return data


def _missing(run: RunFolder) -> list[str]:
    """What the page cannot show, and which callback would have made it."""
    callbacks = {
        TABLES: ("pixels do not lead to neurons", "PixelsToNeurons"),
        "variance": ("neurons have no variances", "GroupingVariance"),
        "neuron_clusters": ("there is no UMAP", "NeuronClusters"),
    }
    return [
        f"{what[0].upper()}{what[1:]}: the run was made without the callback {callback}."
        for folder, (what, callback) in callbacks.items()
        if not any((look.folder / folder).is_dir() for look in run.looks)
    ]


def _palette() -> str:
    """The figures' colours as constants of the page's script."""
    return f"const COLOURS = {json.dumps(COLOURS)};\nconst CLUSTER_COLOURS = {json.dumps(CLUSTER_COLOURS)};\n"


def _figure_order(name: str) -> tuple[int, str]:
    kind = name.partition("/")[0]
    return FIGURES.index(kind) if kind in FIGURES else len(FIGURES), name


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
