"""How a run's maps grew: the same neurons and the same heat maps at every snapshot. Reads its folder only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xinc_lightning.data import write_gif, write_mp4
from xinc_lightning.figures.evolution import HeatMaps, film_of_heat_maps, film_of_neurons
from xinc_lightning.runs.reader import Run, RunError, Snapshot

SECONDS, AT_THE_END = 0.5, 2.0
"""How long a snapshot is shown, and the last one."""


@dataclass(frozen=True)
class GrowingNeurons:
    """Some neurons of a layer over training.

    Attributes:
        layer: name of the layer.
        neurons: [n] their indices.
        labels: [n] what identifies them, for people.
        snapshots: [c] when.
        maps: [c, n, height, width] contribution maps.
        totals: [c, height, width] Σ|c| of the layer.
    """

    layer: str
    neurons: tuple[int, ...]
    labels: tuple[str, ...]
    snapshots: tuple[Snapshot, ...]
    maps: np.ndarray
    totals: np.ndarray


def growing_neurons(run: Run, layer: str, neurons: Sequence[int] | None = None) -> GrowingNeurons:
    """The maps that ContributionMaps saved of a layer, of those neurons that every snapshot has.

    Args:
        run: the run.
        layer: name of the layer.
        neurons: which of them, in this order; all of them unless given.

    Raises:
        RunError: if there are no such maps.
    """
    snapshots = tuple(s for s in run.snapshots if layer in s.layers("maps"))
    if not snapshots:
        has = sorted({name for s in run.snapshots for name in s.layers("maps")})
        raise RunError(
            f"'{run.path}' has no maps of a layer '{layer}'; it has those of {', '.join(has) or 'none'}."
        )
    saved = [s.arrays("maps", layer) for s in snapshots]
    common = [int(n) for n in saved[-1]["neurons"] if all(n in one["neurons"] for one in saved)]
    chosen = common if neurons is None else [*neurons]
    lacking = [n for n in chosen if n not in common]
    if lacking or not chosen:
        which = f"neuron {lacking[0]}" if lacking else "the same neuron"
        logged = ", ".join(map(str, common)) or "none"
        raise RunError(
            f"'{run.path}' has no maps of {which} of {layer} at every snapshot; it has those of {logged}."
        )
    places = [[[*one["neurons"]].index(n) for n in chosen] for one in saved]
    return GrowingNeurons(
        layer=layer,
        neurons=tuple(chosen),
        labels=tuple(str(saved[-1]["labels"][place]) for place in places[-1]),
        snapshots=snapshots,
        maps=np.stack([one["maps"][place] for one, place in zip(saved, places, strict=True)]),
        totals=np.stack([one["total"] for one in saved]),
    )


def growing_heat_maps(run: Run) -> tuple[tuple[Snapshot, ...], list[HeatMaps]]:
    """Σ|c| and the share of neurons that count at each pixel, at the snapshots that have both for all layers.

    Returns:
        The snapshots, and a row for each kind of heat map; both empty if nothing was saved.
    """
    rows: dict[str, dict[str, list[np.ndarray]]] = {}
    layers = {s.epoch: (s.layers("maps"), s.layers("neurons_per_pixel")) for s in run.snapshots}
    most = max(layers.values(), key=lambda pair: len(pair[0]) + len(pair[1]))
    snapshots = tuple(s for s in run.snapshots if layers[s.epoch] == most and any(most))
    for snapshot in snapshots:
        for layer in most[0]:
            total = snapshot.arrays("maps", layer)["total"]
            rows.setdefault("Σ|c|", {}).setdefault(layer, []).append(total)
        for layer in most[1]:
            saved = snapshot.arrays("neurons_per_pixel", layer)
            for x, share in zip(saved["thresholds"], saved["share"], strict=True):
                label = f"% of neurons\nwith |c| > τ{100 * x:g}"
                rows.setdefault(label, {}).setdefault(layer, []).append(100 * share)
    return snapshots, [
        HeatMaps(label, {layer: np.stack(maps) for layer, maps in layers.items()}, shared=label != "Σ|c|")
        for label, layers in rows.items()
    ]


def titles(run: Run, subject: str, snapshots: Sequence[Snapshot]) -> list[str]:
    """A heading for each snapshot, with epoch and PSNR."""
    return [
        f"{run.architecture} {subject} · {run.clip} · epoch {s.epoch}"
        + (f" · {s.psnr:.2f} dB" if np.isfinite(s.psnr) else "")
        for s in snapshots
    ]


def films_of(
    run: Run, layers: Sequence[str] | None = None, neurons: Sequence[int] | None = None
) -> dict[str, Iterator[np.ndarray]]:
    """Pictures of each film, by name; they are drawn when they are asked for.

    Args:
        run: the run.
        layers: of which to show neurons, all that were saved unless given.
        neurons: which, all that every snapshot has unless given.

    Raises:
        RunError: if there is nothing to show.
    """
    films = {}
    for layer in layers or dict.fromkeys(name for s in run.snapshots for name in s.layers("maps")):
        grown = growing_neurons(run, layer, neurons)
        headings = titles(run, layer, grown.snapshots)
        films[layer] = film_of_neurons(grown.maps, grown.totals, grown.labels, headings)
    snapshots, rows = growing_heat_maps(run)
    if rows and not layers:
        films["heat_maps"] = film_of_heat_maps(rows, titles(run, "layers", snapshots))
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
    times = np.ones(len(pictures), int)
    times[-1] = round(AT_THE_END / SECONDS)
    write_mp4(folder / f"{name}.mp4", np.repeat(pictures, times, axis=0), 1 / SECONDS)
