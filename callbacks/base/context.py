"""State shared by all analyses of one evaluation of a network."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributed import ProcessGroup, broadcast_object_list

from xinc_lightning.analyses import sample_neurons
from xinc_lightning.canvas import (
    Canvas,
    FrameCanvas,
    FrameStatistics,
    LayerCanvas,
    LayerStatistics,
    TracedCanvas,
)
from xinc_lightning.canvas.reduction import run_on_all_ranks
from xinc_lightning.data import PanopticClip
from xinc_lightning.data.pixels import to_uint8
from xinc_lightning.modules import INRModule
from xinc_lightning.modules.quality import psnr

EFFECT_NEURONS = 256
"""Neurons of a layer whose effects are analysed: of the paper's NeRV, a second a layer on two cores."""


@dataclass(frozen=True)
class Needs:
    """What an analysis needs from the shared pass over the canvas.

    Attributes:
        positions: frames of the clip, by position. The positions of all scheduled analyses are evaluated together;
            neighbours in the sorted union also give the fluctuation between them.
        partitions: by name, each pixel's cluster: [height, width], or position → [height, width] where
            clusters move (for every position that any analysis requests). A name must mean the same partition in
            all analyses.
    """

    positions: tuple[int, ...] = (0,)
    partitions: Mapping[str, Tensor | Mapping[int, Tensor]] = field(default_factory=dict)


class AnalysisContext:
    """State shared by all analyses of one evaluation: what several of them need is computed at most once.

    Args:
        module: the network in training or under test.
        clip: what it represents.
        epoch: epochs completed.
        needs: what the scheduled analyses need from the shared pass.
        max_neurons: layers of more neurons are sampled, with a fixed seed; by default those of effects, which take
            long, to 256.
        group: processes that analyse the same network and divide the work of the shared pass: rank 0 requests
            statistics, the others stay in :meth:`share_reductions` until it calls :meth:`end_sharing`.

    Attributes:
        of_effects: whether maps are effects instead of contributions.
        not_finite: by layer, the number of neurons that contributed Inf or NaN and were excluded.
    """

    def __init__(
        self,
        module: INRModule,
        clip: PanopticClip,
        epoch: int,
        needs: Sequence[Needs] = (),
        max_neurons: int | None = None,
        group: ProcessGroup | None = None,
    ) -> None:
        self.group = group
        self.module = module
        self.clip = clip
        self.epoch = epoch
        self.of_effects = module.canvas_options.get("maps") == "effect"
        self.max_neurons = EFFECT_NEURONS if max_neurons is None and self.of_effects else max_neurons
        self.partitions: dict[str, Tensor | Mapping[int, Tensor]] = {}
        self.not_finite: dict[str, int] = {}
        self._positions: set[int] = set()
        self._pictures: dict[int, np.ndarray] = {}
        self._reconstructed: dict[int, Tensor] = {}
        self._statistics: dict[tuple[str, tuple[int, ...]], LayerStatistics] = {}
        for need in needs:
            self.request(need)

    def request(self, needs: Needs) -> None:
        """Add to the shared pass, before it runs.

        Raises:
            ValueError: if another analysis uses the same name for a different partition.
        """
        for name, labels in needs.partitions.items():
            if name in self.partitions and not _same(labels, self.partitions[name]):
                raise ValueError(f"two different partitions are named {name!r}.")
        self.partitions |= needs.partitions
        self._positions |= set(needs.positions)

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions of the frames in the shared pass."""
        return tuple(sorted(self._positions)) or (0,)

    @cached_property
    def reconstruction(self) -> Tensor:
        """The reconstructed clip, [frames, 3, height, width], on the CPU; of a few frames, :meth:`reconstructed`."""
        return self.module.reconstruct().cpu()

    def reconstructed(self, position: int) -> Tensor:
        """One reconstructed frame, [3, height, width], on the CPU."""
        if position not in self._reconstructed:
            self._reconstructed[position] = self.module.reconstruct([position])[0].cpu()
        return self._reconstructed[position]

    @property
    def architecture(self) -> str:
        """Name of the network's class, without the word module."""
        return self.module.architecture

    @cached_property
    def _canvases(self) -> list[tuple[tuple[int, ...], TracedCanvas]]:
        """Canvases and the positions they cover: one for all frames if one network represents them all."""
        if self.in_one_network(self.positions):
            return [(self.positions, self._trace(self.positions))]
        return [((position,), self._trace((position,))) for position in self.positions]

    def in_one_network(self, positions: Sequence[int]) -> bool:
        """Whether one network represents all these frames, selected by its input, so that they share its neurons."""
        return self.module.one_network or len(positions) == 1

    def canvas_of(self, positions: Sequence[int]) -> TracedCanvas:
        """The canvas of just these frames of one network: that of the shared pass, or another.

        For analyses of a few neurons in many frames, or in one frame of the shared pass.
        """
        shared = dict(self._canvases).get(tuple(positions))
        return self._trace(positions) if shared is None else shared

    def _trace(self, positions: Sequence[int]) -> TracedCanvas:
        inputs = [self.module.canvas_inputs(position) for position in positions]
        network, first = inputs[0]
        canvas = Canvas(network, **self.module.canvas_options)
        return canvas.at(torch.cat([x for _, x in inputs]) if len(inputs) > 1 else first)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, input side first."""
        return self._canvases[0][1].layers

    def canvas(self, layer: str, position: int) -> FrameCanvas:
        """A layer's canvas at a position of the clip.

        Raises:
            KeyError: if no analysis requested this position.
        """
        positions, canvas = self._covering(position)
        return canvas[layer].at(positions.index(position))

    def statistics(self, layer: str, position: int) -> FrameStatistics:
        """A layer's reductions at a position of the clip, from the shared pass.

        Raises:
            KeyError: if no analysis requested this position.
        """
        positions, _ = self._covering(position)
        key = (layer, positions)
        if key not in self._statistics:
            self._broadcast((layer, position))
            self._statistics[key] = self._reduce_shared(layer, position)
        return self._statistics[key].at(positions.index(position))

    def _covering(self, position: int) -> tuple[tuple[int, ...], TracedCanvas]:
        """The canvas that covers a position, and all positions it covers."""
        for positions, canvas in self._canvases:
            if position in positions:
                return positions, canvas
        raise KeyError(f"position {position} is not among the requested positions, {self.positions}.")

    def share_reductions(self) -> None:
        """Compute this rank's share of every reduction that rank 0 requests, until it has finished."""
        while (request := self._broadcast(None)) is not None:
            with suppress(Exception):  # it fails on rank 0, too, which reports it
                self._reduce_shared(*request)

    def end_sharing(self) -> None:
        """Release the other processes; further reductions are computed on this one alone."""
        self._broadcast(None)
        self.group = None

    def _broadcast(self, message: tuple[str, int] | None) -> tuple[str, int] | None:
        """The request of rank 0, on all ranks."""
        if self.group is None:
            return None
        messages = [message]
        broadcast_object_list(messages, group=self.group, group_src=0)
        return messages[0]

    def _reduce_shared(self, layer: str, position: int) -> LayerStatistics:
        def prepare() -> tuple[LayerCanvas, dict[str, Any]]:
            covered, traced = self._covering(position)
            canvas = traced[layer]
            sampled = self.sampled_neurons(canvas.neurons)
            return canvas, {"partitions": self._labels(covered), "neurons": sampled, "group": self.group}

        canvas, options = run_on_all_ranks(prepare, self.group, self.module.device)
        return self.reduce(canvas, **options)

    def reduce(self, layer: LayerCanvas, **options: Any) -> LayerStatistics:
        """A layer's reductions over the neurons whose contributions are finite; the others are counted.

        Args:
            layer: its canvas.
            options: see :meth:`~xinc_lightning.canvas.LayerCanvas.reduce`.

        Raises:
            ValueError: if there is no such neuron.
        """
        statistics = layer.reduce(**options)
        finite = self._finite(layer, statistics.absolute_sum)
        if finite.all():
            return statistics
        return layer.reduce(**{**options, "neurons": statistics.neurons[finite]})

    def fluctuation(self, layer: LayerCanvas, neurons: Sequence[int]) -> Tensor:
        """Σ||c_t| − |c_{t−1}|| [transitions, height, width] over those of these neurons that are finite.

        Raises:
            ValueError: if there is no such neuron.
        """
        changes = layer.changes(neurons)
        finite = self._finite(layer, changes.neurons)
        return (changes if finite.all() else layer.changes(layer.select(neurons)[finite])).pixels

    def _finite(self, layer: LayerCanvas, sums: Tensor) -> Tensor:
        """Which neurons' sums [neurons, …] are finite; the others are counted."""
        finite = sums.isfinite().all(1)
        lost = len(finite) - int(finite.sum())
        self.not_finite[layer.name] = max(lost, self.not_finite.get(layer.name, 0))
        if lost == len(finite):
            raise ValueError(f"all {lost:,} neurons of layer {layer.name!r} contribute Inf or NaN.")
        return finite

    def sampled_neurons(self, neurons: int) -> list[int] | None:
        """Which of a layer's ``neurons`` are analysed; None for all."""
        if self.max_neurons is None or neurons <= self.max_neurons:
            return None
        return sample_neurons(neurons, self.max_neurons)

    def _labels(self, positions: tuple[int, ...]) -> dict[str, Tensor]:
        """The partitions in the engine's format: one label image, or one for each frame."""
        labels = {}
        for name, given in self.partitions.items():
            labels[name] = given if isinstance(given, Tensor) else torch.stack([given[p] for p in positions])
        return labels

    def picture(self, position: int) -> np.ndarray:
        """A frame of the clip, [height, width, 3] in [0, 1]; it is saved beside the figures."""
        if position not in self._pictures:
            self._pictures[position] = self.clip.frames[position].permute(1, 2, 0).cpu().numpy()
        return self._pictures[position]

    def shown(self) -> dict[str, np.ndarray]:
        """The frames that figures show: positions, indices, 8-bit images, masks and the positions of the masks."""
        positions = sorted(self._pictures)
        if not positions:
            return {}
        arrays = {
            "positions": np.array(positions, dtype=int),
            "indices": np.array([self.clip.indices[p] for p in positions], dtype=int),
            "pictures": np.stack([to_uint8(self.clip.frames[p]) for p in positions]),
        }
        masks = {p: mask for p in positions if (mask := self.clip.masks[p]) is not None}
        if masks:
            arrays["masks"] = np.stack([mask.cpu().numpy() for mask in masks.values()])
            arrays["annotated"] = np.array([*masks])
        return arrays

    def psnr(self, position: int) -> float:
        """PSNR of one frame in dB."""
        return psnr(self.reconstructed(position)[None], self.clip.frames[position][None].cpu())

    @property
    def maps(self) -> str:
        """What the maps are, for titles."""
        return "effects e in place of c" if self.of_effects else "contributions c"

    def title(self, layer: str, position: int, maps: str = "") -> str:
        """Title of a figure of one layer's canvas of one frame; it says which maps, by default the run's."""
        return (
            f"{self.architecture} {layer} · {maps or self.maps} · {self.clip.name} "
            f"frame {self.clip.indices[position]} · epoch {self.epoch} · {self.psnr(position):.2f} dB"
        )


def _same(one: Tensor | Mapping[int, Tensor], other: Tensor | Mapping[int, Tensor]) -> bool:
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)
    return one.keys() == other.keys() and all(torch.equal(one[p], other[p]) for p in one)
