"""The interface of the passes over a layer's maps, and the reference implementation."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xinc_lightning.canvas.changes import Changes
from xinc_lightning.canvas.effects import Contributions, EffectTerms
from xinc_lightning.canvas.streams import Counts, Partitions, Refinement, Slots, Sums, Track
from xinc_lightning.canvas.strongest import Strongest

Terms = Contributions | EffectTerms


class Sweep(ABC):
    """An implementation of the passes over a layer's maps."""

    def settings(self) -> AbstractContextManager[None]:
        """Settings of torch for the duration of all passes."""
        return nullcontext()

    @abstractmethod
    def chunks(self) -> list[Slots]:
        """Slots along the neuron axis that are processed together."""

    @abstractmethod
    def sums(self, chunks: Sequence[Slots], partitions: Partitions, track: Track) -> Sums:
        """First pass."""

    @abstractmethod
    def refinement(
        self, chunks: Sequence[Slots], brackets: Int[Tensor, "thresholds frames"], track: Track
    ) -> Refinement:
        """Second pass."""

    @abstractmethod
    def counts(
        self,
        chunks: Sequence[Slots],
        sums: Sums,
        limits: Float[Tensor, "frames height width"],
        tau: Float[Tensor, "thresholds frames"],
        track: Track,
    ) -> Counts:
        """Third pass."""

    @abstractmethod
    def changes(self, chunks: Sequence[Slots]) -> Changes:
        """A separate pass: how much contributions change from frame to frame."""

    @abstractmethod
    def strongest(self, chunks: Sequence[Slots], cell: int, count: int, frame: int) -> Strongest:
        """A separate pass: the strongest neurons at each cell of one frame."""


class TorchSweep(Sweep):
    """The readable reference: every chunk's maps as a tensor; any device, any dtype, no host synchronisation.

    Args:
        terms: the layer's terms.
        neurons: which neurons.
        max_bytes: size of a chunk's maps.
    """

    def __init__(self, terms: Terms, neurons: Int[Tensor, " n"], max_bytes: int) -> None:
        self.terms = terms
        self.neurons = neurons
        height, width = terms.shape
        self.chunk = max(1, max_bytes // (terms.frames * height * width * terms.values.element_size()))

    def chunks(self) -> list[Slots]:
        """Neurons in order."""
        return list(torch.split(torch.arange(len(self.neurons), device=self.neurons.device), self.chunk))

    def sums(self, chunks: Sequence[Slots], partitions: Partitions, track: Track) -> Sums:
        """First pass."""
        terms = self.terms
        state = Sums.zeros(
            len(self.neurons), terms.frames, terms.shape, partitions.clusters, self.neurons.device
        )
        for slots in track(chunks):
            state.update(slots, terms.maps(self.neurons[slots]), partitions)
        return state

    def refinement(
        self, chunks: Sequence[Slots], brackets: Int[Tensor, "thresholds frames"], track: Track
    ) -> Refinement:
        """Second pass."""
        state = Refinement.zeros(brackets)
        for slots in track(chunks):
            state.update(self.terms.maps(self.neurons[slots]), brackets)
        return state

    def counts(
        self,
        chunks: Sequence[Slots],
        sums: Sums,
        limits: Float[Tensor, "frames height width"],
        tau: Float[Tensor, "thresholds frames"],
        track: Track,
    ) -> Counts:
        """Third pass."""
        state = Counts.zeros(sums, len(tau))
        for slots in track(chunks):
            state.update(slots, self.terms.maps(self.neurons[slots]), limits, tau)
        return state

    def changes(self, chunks: Sequence[Slots]) -> Changes:
        """A pass of its own."""
        terms = self.terms
        state = Changes.zeros(len(self.neurons), terms.frames, terms.shape, self.neurons.device)
        for slots in chunks:
            state.update(slots, terms.maps(self.neurons[slots]))
        return state

    def strongest(self, chunks: Sequence[Slots], cell: int, count: int, frame: int) -> Strongest:
        """A pass of its own."""
        state = Strongest.nothing(self.terms.shape, cell, count, self.neurons.device)
        for slots in chunks:
            neurons = self.neurons[slots]
            state = state.with_maps(neurons, self.terms.maps(neurons)[:, frame])
        return state
