"""How a run's maps grew: the same neurons and the same heat maps at every checkpoint. Reads its folder only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xinc_lightning.data import write_gif, write_mp4
from xinc_lightning.figures.evolution import HeatMaps, film_of_heat_maps, film_of_neurons
from xinc_lightning.runs.reader import Checkpoint, Run, RunError

SECONDS, AT_THE_END = 0.5, 2.0
"""How long a checkpoint is shown, and the last one."""


@dataclass(frozen=True)
class GrowingNeurons:
    """Some neurons of a layer over training.

    Attributes:
        layer: name of the layer.
        neurons: [n] their indices.
        labels: [n] what identifies them, for people.
        checkpoints: [c] when.
        maps: [c, n, height, width] contribution maps.
        totals: [c, height, width] Σ|c| of the layer.
    """

    layer: str
    neurons: tuple[int, ...]
    labels: tuple[str, ...]
    checkpoints: tuple[Checkpoint, ...]
    maps: np.ndarray
    totals: np.ndarray


def growing_neurons(run: Run, layer: str, neurons: Sequence[int] | None = None) -> GrowingNeurons:
    """The maps that ContributionMaps saved of a layer, of those neurons that every checkpoint has.

    Args:
        run: the run.
        layer: name of the layer.
        neurons: which of them, in this order; all of them unless given.

    Raises:
        RunError: if there are no such maps.
    """
    checkpoints = tuple(c for c in run.checkpoints if layer in c.layers("maps"))
    if not checkpoints:
        has = sorted({name for c in run.checkpoints for name in c.layers("maps")})
        raise RunError(
            f"'{run.path}' has no maps of a layer '{layer}'; it has those of {', '.join(has) or 'none'}."
        )
    saved = [c.arrays("maps", layer) for c in checkpoints]
    common = [int(n) for n in saved[-1]["neurons"] if all(n in one["neurons"] for one in saved)]
    chosen = common if neurons is None else [*neurons]
    lacking = [n for n in chosen if n not in common]
    if lacking or not chosen:
        which = f"neuron {lacking[0]}" if lacking else "the same neuron"
        logged = ", ".join(map(str, common)) or "none"
        raise RunError(
            f"'{run.path}' has no maps of {which} of {layer} at every checkpoint; it has those of {logged}."
        )
    places = [[[*one["neurons"]].index(n) for n in chosen] for one in saved]
    return GrowingNeurons(
        layer=layer,
        neurons=tuple(chosen),
        labels=tuple(str(saved[-1]["labels"][place]) for place in places[-1]),
        checkpoints=checkpoints,
        maps=np.stack([one["maps"][place] for one, place in zip(saved, places, strict=True)]),
        totals=np.stack([one["total"] for one in saved]),
    )


def growing_heat_maps(run: Run) -> tuple[tuple[Checkpoint, ...], list[HeatMaps]]:
    """Σ|c| and the share of neurons that count at each pixel, at the checkpoints that have both for all layers.

    Returns:
        The checkpoints, and a row for each kind of heat map; both empty if nothing was saved.
    """
    rows: dict[str, dict[str, list[np.ndarray]]] = {}
    layers = {c.epoch: (c.layers("maps"), c.layers("neurons_per_pixel")) for c in run.checkpoints}
    most = max(layers.values(), key=lambda pair: len(pair[0]) + len(pair[1]))
    checkpoints = tuple(c for c in run.checkpoints if layers[c.epoch] == most and any(most))
    for checkpoint in checkpoints:
        for layer in most[0]:
            total = checkpoint.arrays("maps", layer)["total"]
            rows.setdefault("Σ|c|", {}).setdefault(layer, []).append(total)
        for layer in most[1]:
            saved = checkpoint.arrays("neurons_per_pixel", layer)
            for x, share in zip(saved["thresholds"], saved["share"], strict=True):
                label = f"% of neurons\nwith |c| > τ{100 * x:g}"
                rows.setdefault(label, {}).setdefault(layer, []).append(100 * share)
    return checkpoints, [
        HeatMaps(label, {layer: np.stack(maps) for layer, maps in layers.items()}, shared=label != "Σ|c|")
        for label, layers in rows.items()
    ]


def titles(run: Run, subject: str, checkpoints: Sequence[Checkpoint]) -> list[str]:
    """A heading for each checkpoint, with epoch and PSNR."""
    return [
        f"{run.architecture} {subject} · {run.clip} · epoch {c.epoch}"
        + (f" · {c.psnr:.2f} dB" if np.isfinite(c.psnr) else "")
        for c in checkpoints
    ]


def films_of(
    run: Run, layers: Sequence[str] | None = None, neurons: Sequence[int] | None = None
) -> dict[str, Iterator[np.ndarray]]:
    """Pictures of each film, by name; they are drawn when they are asked for.

    Args:
        run: the run.
        layers: of which to show neurons, all that were saved unless given.
        neurons: which, all that every checkpoint has unless given.

    Raises:
        RunError: if there is nothing to show.
    """
    films = {}
    for layer in layers or dict.fromkeys(name for c in run.checkpoints for name in c.layers("maps")):
        grown = growing_neurons(run, layer, neurons)
        headings = titles(run, layer, grown.checkpoints)
        films[layer] = film_of_neurons(grown.maps, grown.totals, grown.labels, headings)
    checkpoints, rows = growing_heat_maps(run)
    if rows and not layers:
        films["heat_maps"] = film_of_heat_maps(rows, titles(run, "layers", checkpoints))
    if not films:
        raise RunError(
            f"'{run.path}' has no maps; train or test it with the callbacks ContributionMaps or NeuronsPerPixel."
        )
    return films


def write_film(folder: Path, name: str, pictures: np.ndarray) -> None:
    """Write ``<name>.gif`` and ``<name>.mp4``; the last picture stays longer.

    Args:
        folder: made if it does not exist.
        name: of the files.
        pictures: [pictures, height, width, 3] bytes.

    Raises:
        DataError: if the video cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_gif(folder / f"{name}.gif", pictures, [SECONDS] * (len(pictures) - 1) + [AT_THE_END])
    even = pictures[:, : pictures.shape[1] // 2 * 2, : pictures.shape[2] // 2 * 2]  # as players want it
    times = np.ones(len(even), int)
    times[-1] = round(AT_THE_END / SECONDS)
    write_mp4(folder / f"{name}.mp4", np.repeat(even, times, axis=0), 1 / SECONDS)
