"""Animations of a run's maps: the same neurons and the same heat maps at every snapshot."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xinc_lightning.analyses import evenly_spaced
from xinc_lightning.data import encode_gif, encode_mp4
from xinc_lightning.figures.evolution import HeatMaps, film_of_heat_maps, film_of_neurons
from xinc_lightning.figures.style import LARGEST
from xinc_lightning.runs.atomic import save
from xinc_lightning.runs.reader import Run, RunError, Snapshot
from xinc_lightning.text import printable

NAMES = {"neurons": "i n", "labels": "U n"}
MAPS = {"maps": "# n h w", "total": "# h w"}
"""Forms of the arrays that ContributionMaps saves, see :data:`xinc_lightning.runs.arrays.Form`."""

TOTAL = "Σ|c|"

MOST_NEURONS = 48
"""Default number of neurons in an animation; of more, so many are shown, evenly spaced."""

MOST_BYTES, HIGHEST = 1 << 29, 8192
"""Maximum size of an animation before it is encoded, and of its longer side in pixels."""

SECONDS, AT_THE_END = 0.5, 2.0
"""How long a snapshot is shown, and the last one."""


@dataclass(frozen=True)
class GrowingNeurons:
    """Some neurons of a layer over training.

    Attributes:
        layer: name of the layer.
        neurons: [n] their indices.
        labels: [n] their readable names.
        snapshots: [c] the snapshots.
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
    """The maps that ContributionMaps saved of a layer, of the neurons that all snapshots have.

    Args:
        run: the run.
        layer: name of the layer.
        neurons: which of them, in this order; by default all.

    Raises:
        RunError: if there are no such maps.
    """
    listed = [
        (snapshot, [int(n) for n in found["neurons"]])
        for snapshot in run.snapshots
        if (found := snapshot.find_arrays("maps", layer, NAMES, only=NAMES)) is not None
    ]
    if not listed:
        has = sorted({name for snapshot in run.snapshots for name in snapshot.layers("maps")})
        raise RunError(
            f"'{run.path}' has no maps of a layer '{layer}'; it has those of {', '.join(has) or 'none'}."
        )
    common = [n for n in listed[-1][1] if all(n in there for _, there in listed)]
    chosen = evenly_spaced(common, MOST_NEURONS) if neurons is None else [*neurons]
    lacking = [n for n in chosen if n not in common]
    if lacking or not chosen:
        which = f"neuron {lacking[0]}" if lacking else "the same neuron"
        logged = ", ".join(map(str, common)) or "none"
        raise RunError(
            f"'{run.path}' has no maps of {which} of {layer} at every snapshot; it has those of {logged}."
        )
    kept: list[tuple[Snapshot, np.ndarray, np.ndarray]] = []
    labels: tuple[str, ...] = ()
    for snapshot, there in reversed(listed):  # what the last one is like, the others are
        found = snapshot.find_arrays("maps", layer, {**NAMES, **MAPS})
        if found is None or not found["maps"].size or (kept and found["total"].shape != kept[0][2].shape):
            continue
        if len(listed) * len(chosen) * found["total"].size * 4 > MOST_BYTES:
            raise RunError(
                f"the maps of {layer} in '{run.path}' are too large for an animation; choose fewer --neurons."
            )
        places = [there.index(n) for n in chosen]
        labels = labels or tuple(printable(str(found["labels"][place]), 40) for place in places)
        kept.insert(0, (snapshot, _drawable(found["maps"][places]), _drawable(found["total"])))
    if not kept:
        raise RunError(f"'{run.path}' has no maps of {layer} that can be read.")
    return GrowingNeurons(
        layer=layer,
        neurons=tuple(chosen),
        labels=labels,
        snapshots=tuple(snapshot for snapshot, _, _ in kept),
        maps=np.stack([maps for _, maps, _ in kept]),
        totals=np.stack([total for _, _, total in kept]),
    )


def growing_heat_maps(run: Run) -> tuple[tuple[Snapshot, ...], list[HeatMaps]]:
    """Σ|c| and the share of neurons that count at each pixel, at the snapshots that have both for all layers.

    Returns:
        The snapshots, and a row for each kind of heat map; both empty if nothing was saved.
    """
    found = [(snapshot, _heat_maps(snapshot)) for snapshot in run.snapshots]
    most = max((shapes for _, maps in found if (shapes := _shapes(maps))), key=len, default={})
    alike = [(snapshot, maps) for snapshot, maps in found if maps and _shapes(maps) == most]
    rows: dict[str, dict[str, list[np.ndarray]]] = {}
    for _, maps in alike:
        for (label, layer), values in maps.items():
            rows.setdefault(label, {}).setdefault(layer, []).append(values)
    return tuple(snapshot for snapshot, _ in alike), [
        HeatMaps(label, {layer: np.stack(maps) for layer, maps in layers.items()}, shared=label != TOTAL)
        for label, layers in rows.items()
    ]


def _heat_maps(snapshot: Snapshot) -> dict[tuple[str, str], np.ndarray]:
    """A snapshot's heat maps by kind and layer."""
    maps: dict[tuple[str, str], np.ndarray] = {}
    total, share = {"total": "# h w"}, {"thresholds": "# t", "share": "# t h w"}
    for layer in snapshot.layers("maps"):
        if (saved := snapshot.find_arrays("maps", layer, total, only=total)) is not None:
            maps[TOTAL, layer] = _drawable(saved["total"])
    for layer in snapshot.layers("neurons_per_pixel"):
        if (saved := snapshot.find_arrays("neurons_per_pixel", layer, share, only=share)) is not None:
            for x, values in zip(saved["thresholds"], saved["share"], strict=True):
                maps[f"% of neurons\nwith |c| > τ{100 * x:g}", layer] = 100 * _drawable(values)
    maps = {key: values for key, values in maps.items() if values.size}
    return maps if len(maps) <= MOST_NEURONS else {}


def _drawable(values: np.ndarray) -> np.ndarray:
    """Values too large to be drawn become NaN."""
    return np.where(np.abs(values) < LARGEST, values, np.nan).astype(np.float32)


def _shapes(maps: Mapping[tuple[str, str], np.ndarray]) -> dict[tuple[str, str], tuple[int, ...]]:
    return {key: values.shape for key, values in maps.items()}


def titles(run: Run, subject: str, snapshots: Sequence[Snapshot]) -> list[str]:
    """A title for each snapshot, with epoch and PSNR."""
    return [
        f"{run.architecture} {subject} · {run.clip} · epoch {s.epoch}"
        + (f" · {'∞' if np.isinf(s.psnr) else f'{s.psnr:.2f}'} dB" if not np.isnan(s.psnr) else "")
        for s in snapshots
    ]


def films_of(
    run: Run, layers: Sequence[str] | None = None, neurons: Sequence[int] | None = None
) -> dict[str, Iterator[np.ndarray]]:
    """Frames of each animation, by name; they are rendered lazily.

    Args:
        run: the run.
        layers: layers whose neurons are shown, by default all saved ones.
        neurons: which neurons, by default all that every snapshot has.

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


def write_film(folder: Path, name: str, pictures: Iterable[np.ndarray]) -> None:
    """Write ``<name>.gif`` and ``<name>.mp4`` atomically; the last frame is shown longer.

    Args:
        folder: made if it does not exist.
        name: of the files.
        pictures: [height, width, 3] bytes, all of one size; rendered lazily.

    Raises:
        DataError: if the video cannot be encoded.
        RunError: if it would be too large.
        OutputError: if the files cannot be written.
    """
    film: list[np.ndarray] = []
    for picture in pictures:
        film.append(picture)
        if max(picture.shape) > HIGHEST or len(film) * picture.nbytes > MOST_BYTES:
            raise RunError(f"the animation of {name} would be too large; choose fewer --neurons.")
    drawn = np.stack(film)
    times = np.ones(len(drawn), int)
    times[-1] = round(AT_THE_END / SECONDS)
    save(folder / f"{name}.gif", encode_gif(drawn, [SECONDS] * (len(drawn) - 1) + [AT_THE_END]))
    save(folder / f"{name}.mp4", encode_mp4(np.repeat(drawn, times, axis=0), 1 / SECONDS))
