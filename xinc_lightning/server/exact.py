"""Exact answers about any neuron, frame and epoch whose weights were kept, computed when they are asked for."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from xinc_lightning.analyses import favourites_of, instance_partition
from xinc_lightning.canvas import LayerCanvas, Maps, TracedCanvas, contributions_at
from xinc_lightning.data import PanopticClip
from xinc_lightning.data.pixels import to_uint8
from xinc_lightning.errors import did_you_mean
from xinc_lightning.explorer.encode import halves, png, text_of, words
from xinc_lightning.runs.layout import WEIGHTS
from xinc_lightning.runs.reader import Run, Snapshot
from xinc_lightning.runs.untrusted import UnreadableError, read_bytes
from xinc_lightning.server.cache import BoundedCache
from xinc_lightning.server.errors import RequestError
from xinc_lightning.server.networks import Network, NetworkError, load_network

CACHE_BYTES = 512 * 2**20
"""Of networks and their values at frames; those of the default NeRV take 15 MB a frame and epoch."""

MOST_WEIGHTS = 1 << 30
"""Bytes of a file of weights."""

MOST_MAPS = 64
"""Maps in one answer."""

MOST_LISTED = 1024
"""Neurons of a layer in one ranking."""

MOST_NAMED = 60
"""Letters of what a request asked for, in the sentence that refuses it."""

Answer = dict[str, Any]


class ExactCanvases:
    """Canvases of runs at the epochs whose weights were kept.

    One request is computed at a time, so that several browsers do not take all processors from a training; memory is
    bounded by a cache.

    Args:
        runs: the runs as they are now.
        clip_of: the clip of a run; None if it cannot be read any more.
        cache_bytes: limit of the cache.
    """

    def __init__(
        self,
        runs: Callable[[], Sequence[Run]],
        clip_of: Callable[[Run], PanopticClip | None],
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.cache = BoundedCache(cache_bytes)
        self._runs = runs
        self._clip_of = clip_of
        self._clips: dict[int, PanopticClip | None] = {}
        self._lock = threading.RLock()

    # --- answers -------------------------------------------------------------------------------------------

    def frame(self, run: int, epoch: int, position: int) -> Answer:
        """One frame: the true one where the clip can be read, what the network makes of it, its segments."""
        with self._lock:
            network, _ = self._at(run, epoch, position)
            made, truth = network.picture(position), self._truth(run, network, position)
            clip = self.clip(run, network)
        mask = clip.masks[position] if clip is not None else None
        return {
            "position": position,
            "height": network.shape[1],
            "width": network.shape[2],
            "clip": network.clip.get("name", ""),
            "number": network.clip.get("indices", range(network.shape[0]))[position],
            "picture": None if truth is None else png(to_uint8(truth)),
            "reconstruction": png(to_uint8(made)),
            "psnr": _psnr(made, truth),
            "labels": None
            if mask is None or clip is None
            else words(instance_partition(mask, clip.segments).numpy().astype(np.int32)),
            "segments": [] if mask is None or clip is None else [segment.name for segment in clip.segments],
        }

    def pixel(self, run: int, epoch: int, position: int, row: int, col: int, count: int = 8) -> Answer:
        """The neurons that contribute most at one pixel, of every layer: exact values, ranked among all neurons."""
        if not 1 <= count <= MOST_LISTED:
            raise RequestError(f"count must be from 1 to {MOST_LISTED}, got {count}.")
        with self._lock:
            _, canvas = self._at(run, epoch, position)
            return {"layers": {layer.name: _ranking(layer, row, col, count) for layer in canvas}}

    def maps(
        self,
        run: int,
        epoch: int,
        position: int,
        layer: str,
        neurons: Sequence[int],
        cell: int = 1,
        of: str = "contribution",
    ) -> Answer:
        """Maps: signed contributions at every pixel, or the mean of |c| over each square of ``cell`` pixels.

        With ``of="effect"``, what the picture loses without each neuron, |e| summed over the colours.
        """
        if of not in get_args(Maps):
            raise RequestError(f"maps are of {' or '.join(get_args(Maps))}, not of '{of[:MOST_NAMED]}'.")
        if not 1 <= len(neurons) <= MOST_MAPS:
            raise RequestError(
                f"{len(neurons)} neurons were asked for; 1 to {MOST_MAPS} maps are sent at once."
            )
        if not 1 <= cell <= 1024:
            raise RequestError(f"cell must be from 1 to 1024 pixels, got {cell}.")
        with self._lock:
            found = self._layer(run, epoch, position, layer)
            if of == "effect":
                effects = replace(found.effect_terms, _kept={})  # which would keep its maps beside the cache
                maps = effects.maps(_checked(found.select, neurons))[:, 0]
            else:
                maps = _checked(found.maps, neurons)[:, 0]
        values = maps.float() if cell == 1 else _cell_means(maps.float(), cell)
        return {
            "neurons": list(neurons),
            "rows": values.shape[1],
            "cols": values.shape[2],
            "values": text_of(values.numpy()),
        }

    def without(self, run: int, epoch: int, position: int, removed: Mapping[str, Sequence[int]]) -> Answer:
        """One frame without some neurons, and what that changes."""
        with self._lock:
            network, canvas = self._at(run, epoch, position)
            chosen = {
                name: _checked(self._named(canvas, name).select, list(neurons))
                for name, neurons in removed.items()
                if neurons
            }
            whole, made = network.picture(position), network.picture(position, chosen)
            truth = self._truth(run, network, position)
        difference = (made.clamp(0, 1) - whole.clamp(0, 1)).abs().mean(0)
        return {
            "picture": png(to_uint8(made)),
            "whole": png(to_uint8(whole)),
            "difference": halves(difference.numpy()),
            "largest": float(difference.max()),
            "rows": difference.shape[0],
            "cols": difference.shape[1],
            "psnr": _psnr(made, truth),
            "whole_psnr": _psnr(whole, truth),
            "change_psnr": _psnr(made, whole),
            "removed": sum(len(torch.unique(neurons)) for neurons in chosen.values()),
        }

    def weakest(self, run: int, epoch: int, position: int, layer: str, share: float) -> Answer:
        """The neurons of a layer with the least Σ|c| over this frame."""
        if not 0 < share <= 1:
            raise RequestError(f"the share must be more than 0 and at most 1, got {share:g}.")
        with self._lock:
            network, canvas = self._at(run, epoch, position)
            found = self._named(canvas, layer)
            key = ("sums", network, position, layer)
            sums = self.cache.get(key, lambda: _sums(found), lambda made: made.nbytes)
        order = torch.argsort(sums, stable=True)
        return {"neurons": order[: round(share * found.neurons)].tolist()}

    def favourites(self, run: int, epoch: int, position: int, layer: str, count: int = 8) -> Answer:
        """The neurons of a layer that favour each segment of a frame, and by how much; as an analysis does it."""
        if not 1 <= count <= MOST_LISTED:
            raise RequestError(f"count must be from 1 to {MOST_LISTED}, got {count}.")
        with self._lock:
            network, canvas = self._at(run, epoch, position)
            found, clip = self._named(canvas, layer), self.clip(run, network)
            mask = None if clip is None else clip.masks[position]
            if clip is None or mask is None:
                raise RequestError("this frame has no segments.", 404)
            partition = {"segments": instance_partition(mask, clip.segments)}
            statistics = self.cache.get(
                ("segments", network, position, layer),
                lambda: found.reduce(partition, thresholds=()).at(0),
                lambda made: made.cluster_sums["segments"].nbytes + 8 * made.absolute_sum.nbytes,
            )
            neurons, preferences = favourites_of(statistics, "segments", count)
        return {"favourites": neurons.tolist(), "preferences": preferences.tolist()}

    def alike(self, run: int, epoch: int, position: int, layer: str, neuron: int, kind: str) -> Answer:
        """The neurons that share a label with one, such as its ``input`` channel, or all of its layer."""
        with self._lock:
            found = self._layer(run, epoch, position, layer)
            own = int(_checked(found.select, [neuron])[0])
        if kind == "layer":
            return {"neurons": list(range(found.neurons))}
        if kind not in found.labels:
            kind, kinds = kind[:MOST_NAMED], ["layer", *found.labels]
            hint = did_you_mean(kind, kinds) or "."
            raise RequestError(f"neurons of {layer} have no '{kind}', but {', '.join(kinds)}{hint}")
        labels = found.labels[kind]
        return {"neurons": torch.nonzero(labels == labels[own])[:, 0].tolist()}

    # --- what they are computed from -------------------------------------------------------------------------

    def network(self, run: int, epoch: int) -> Network:
        """The network of a run after so many epochs.

        Raises:
            RequestError: if there is none, or it cannot be read.
        """
        found, snapshot = self._snapshot(run, epoch)
        path = snapshot.folder / WEIGHTS

        def load() -> Network:
            try:
                return load_network(read_bytes(path, found.path, MOST_WEIGHTS))
            except FileNotFoundError:
                raise RequestError(
                    f"the weights of epoch {epoch} of '{found.name}' were not kept.", 404
                ) from None
            except (UnreadableError, NetworkError) as error:
                raise RequestError(f"'{path.relative_to(found.path)}' {error}.", 409) from None

        return self.cache.get(("network", *_version(path), run, epoch), load, lambda found: found.nbytes)

    def _snapshot(self, run: int, epoch: int) -> tuple[Run, Snapshot]:
        runs = self._runs()
        if not 0 <= run < len(runs):
            raise RequestError(f"there is no run {run}: they are numbered 0 … {len(runs) - 1}.", 404)
        for snapshot in runs[run].snapshots:
            if snapshot.epoch == epoch:
                return runs[run], snapshot
        raise RequestError(f"'{runs[run].name}' was not analysed after {epoch} epochs.", 404)

    def _at(self, run: int, epoch: int, position: int) -> tuple[Network, TracedCanvas]:
        network = self.network(run, epoch)
        frames = network.shape[0]
        if not 0 <= position < frames:
            raise RequestError(f"there is no frame {position}: they are numbered 0 … {frames - 1}.", 404)
        canvas = self.cache.get(
            ("canvas", network, position), lambda: network.canvas(position), _canvas_bytes
        )
        return network, canvas

    def _layer(self, run: int, epoch: int, position: int, layer: str) -> LayerCanvas:
        return self._named(self._at(run, epoch, position)[1], layer)

    def _named(self, canvas: TracedCanvas, layer: str) -> LayerCanvas:
        if layer not in canvas.layers:
            layer = layer[:MOST_NAMED]
            hint = did_you_mean(layer, canvas.layers) or "."
            raise RequestError(f"there is no layer '{layer}' among {', '.join(canvas.layers)}{hint}", 404)
        return canvas[layer]

    def clip(self, run: int, network: Network) -> PanopticClip | None:
        """The clip that a run's network was trained on; None if it cannot be read, or is another by now."""
        if run not in self._clips:
            clip = self._clip_of(self._runs()[run])
            self._clips[run] = clip if clip is not None and network.is_of(clip) else None
        return self._clips[run]

    def _truth(self, run: int, network: Network, position: int) -> Tensor | None:
        clip = self.clip(run, network)
        return None if clip is None else clip.frames[position].cpu()


def _version(path: Path) -> tuple[int, ...]:
    """What changes when an epoch is analysed anew."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _ranking(layer: LayerCanvas, row: int, col: int, count: int) -> Answer:
    try:
        values = contributions_at(layer.effect_terms.contributions, row, col)[:, 0].double()
    except IndexError as error:
        raise RequestError(f"{error}", 404) from None
    sizes = values.abs().nan_to_num(0, 0, 0)
    order = torch.argsort(-sizes, stable=True)[:count]
    order = order[sizes[order] > 0]
    total = float(sizes.sum())
    return {
        "of": layer.neurons,
        "kernels": len(layer.effect_terms.contributions.weight) if "kernel" in layer.labels else 0,
        "kinds": ["layer", *layer.labels],
        "total": total,
        "neurons": order.tolist(),
        "values": values[order].tolist(),
        "shares": (sizes[order] / (total or 1)).tolist(),
    }


def _checked(take: Callable[[Sequence[int]], Tensor], neurons: Sequence[int]) -> Tensor:
    try:
        return take(neurons)
    except (IndexError, OverflowError, RuntimeError) as error:
        raise RequestError(f"{' '.join(str(error).split())}", 404) from None


def _sums(layer: LayerCanvas) -> Tensor:
    """Σ|c| of every neuron, a few maps in memory at a time."""
    return torch.cat([maps.abs().sum((1, 2, 3), dtype=torch.float64) for _, maps in layer.chunks()])


def _cell_means(maps: Tensor, cell: int) -> Tensor:
    """The mean of |c| over squares, of what there is of them at the edges."""
    return torch.nn.functional.avg_pool2d(maps.abs()[:, None], cell, ceil_mode=True, count_include_pad=False)[
        :, 0
    ]


def _canvas_bytes(canvas: TracedCanvas) -> int:
    terms = [layer.effect_terms.contributions for layer in canvas]
    links = next(iter(canvas)).effect_terms.chain.links  # from the first layer on: all of them
    parts = [(one.values, one.weight) for one in terms] + [(link.output, link.after) for link in links]
    return sum(tensor.nbytes for part in parts for tensor in part)


def _psnr(one: Tensor, other: Tensor | None) -> float | None:
    """In dB; None without the other, infinite if they are equal."""
    if other is None:
        return None
    error = float((one.double() - other.double()).square().mean())
    return -10 * float(np.log10(error)) if error > 0 else float("inf")
