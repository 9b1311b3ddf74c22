"""Effects: what the picture loses when a neuron is taken out of the network, exactly (ablation).

A contribution map says what a neuron adds; beyond the head it is an approximation. An effect map is the truth,
e = F(x) − F(x without the neuron's term), [colours, height, width]; |e| summed over the colours is comparable with |c|.
Effects of single neurons do not add up to that of a group, because activations between them are not linear.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xinc_lightning.canvas.chain import Chain, Removed
from xinc_lightning.canvas.conv import ConvTerms
from xinc_lightning.canvas.linear import LinearTerms

Ablation = Literal["zero", "mean"]
Contributions = LinearTerms | ConvTerms

CHUNK_BYTES = 24 * 2**20
"""Size of the largest layer's output for the neurons that run together on a CPU: little enough to stay in its cache."""

KEPT_BYTES = 256 * 2**20
"""Size of the maps that a layer keeps, so that the passes of a reduction and other analyses need not run it again."""


@dataclass(frozen=True)
class EffectSums:
    """Reductions of a layer's effects e over all or selected neurons, in float64.

    Attributes:
        neurons: which neurons, in the order of the neuron axis.
        absolute_sum: Σ|e| over colours and pixels.
        pixel_sums: Σ|e| over colours and neurons.
        error_rise: by how much the mean squared error of the picture rises (ΔMSE); ``None`` without the true frames.
            It is mean(e² − 2e·(picture − truth)), without the cancellation of two large errors.
    """

    neurons: Int[Tensor, " neurons"]
    absolute_sum: Float[Tensor, "neurons frames"]
    pixel_sums: Float[Tensor, "frames height width"]
    error_rise: Float[Tensor, "neurons frames"] | None


@dataclass(frozen=True)
class EffectTerms:
    """The effects of a layer's neurons, in place of their contributions.

    Args:
        contributions: the layer's terms.
        chain: the network from this layer on.
        ablation: ``zero`` takes a neuron's term out; ``mean`` replaces it by its mean over its pixels and the frames.
    """

    contributions: Contributions
    chain: Chain
    ablation: Ablation = "zero"
    _kept: dict[int, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def values(self) -> Tensor:
        """The layer's input."""
        return self.contributions.values

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.contributions.neurons

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.contributions.frames

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a map."""
        return self.contributions.shape

    @property
    def labels(self) -> Mapping[str, Int[Tensor, " neurons"]]:
        """What identifies each neuron besides its index."""
        return self.contributions.labels

    @property
    def pruned(self) -> Bool[Tensor, " neurons"]:
        """Neurons whose weights are all exactly zero."""
        return self.contributions.pruned

    @property
    def inactive(self) -> Bool[Tensor, " neurons"]:
        """Neurons that could be taken out without effect at any of the frames."""
        return self.contributions.inactive

    def at(self, frame: int) -> "EffectTerms":
        """Those of one frame; mean ablation then takes the mean over this frame alone."""
        one = slice(frame, frame + 1)
        same = self.ablation == "zero" or self.frames == 1
        kept = {neuron: maps[one] for neuron, maps in self._kept.items()} if same else {}
        return EffectTerms(self.contributions.at(frame), self.chain.at(one), self.ablation, kept)

    def maps(self, neurons: Int[Tensor, " n"]) -> Float[Tensor, "n frames height width"]:
        """|e| summed over the colours."""
        missing = [neuron for neuron in dict.fromkeys(neurons.tolist()) if neuron not in self._kept]
        found = dict(self._kept)
        if missing:
            maps = self.values.new_empty(len(missing), self.frames, *self.shape)
            for places, frames, sizes, _ in self.sizes(neurons.new_tensor(missing)):
                maps[places, frames] = sizes
            found.update(zip(missing, maps, strict=True))
            if len(found) * maps[0].nbytes <= KEPT_BYTES:
                self._kept.update(found)
        empty = self.values.new_zeros(0, self.frames, *self.shape)
        return torch.stack([found[neuron] for neuron in neurons.tolist()]) if len(neurons) else empty

    def effects(self, neurons: Int[Tensor, " n"]) -> Float[Tensor, "n frames colours height width"]:
        """The signed effects of the given neurons on each colour."""
        effects = self.values.new_empty(len(neurons), self.frames, self.chain.colours, *self.shape)
        for places, frames, carried in self.carried(neurons):
            chain = self.chain.at(frames)
            effects[places, frames] = chain.of_picture(carried) if chain.head_activation else carried
        return effects

    def sizes(
        self,
        neurons: Int[Tensor, " n"],
        truth: Float[Tensor, "frames colours height width"] | None = None,
        max_bytes: int = CHUNK_BYTES,
    ) -> Iterator[
        tuple[slice, slice, Float[Tensor, "n frames height width"], Float[Tensor, "n frames"] | None]
    ]:
        """|e| summed over the colours and, given the true frames, by how much the error rises, a chunk at a time.

        Yields:
            Places along the neurons and the frames, |e|, and the rise of the mean squared error.
        """
        for places, frames, carried in self.carried(neurons, max_bytes):
            chain = self.chain.at(frames)
            effects = chain.of_picture(carried)
            rise = None
            if truth is not None:
                error = chain.picture - truth[frames].to(chain.picture)
                rise = (effects * (effects - 2 * error)).mean((2, 3, 4)).double()
            yield places, frames, (effects if chain.head_activation else carried).abs().sum(2), rise

    def carried(
        self, neurons: Int[Tensor, " n"], max_bytes: int = CHUNK_BYTES
    ) -> Iterator[tuple[slice, slice, Float[Tensor, "n frames colours height width"]]]:
        """Changes of the head's output before its activation, a chunk of neurons and frames at a time.

        Args:
            neurons: which neurons.
            max_bytes: size of a chunk's largest layer.

        Yields:
            Places along the neurons and the frames, and the changes.

        Raises:
            ValueError: if the declared layers are not all that makes the picture.
        """
        if self.chain.fault:
            raise ValueError(f"{self.chain.fault}; effects need every layer from there to the picture.")
        size = self.chain.values * self.values.element_size()
        n = max(1, max_bytes // (size * self.frames))
        f = max(1, min(self.frames, max_bytes // size))
        for start in range(0, len(neurons), n):
            places = slice(start, min(start + n, len(neurons)))
            removed = self.removed(neurons[places])
            for first in range(0, self.frames, f):
                frames = slice(first, min(first + f, self.frames))
                part = Removed(removed.change[:, frames], removed.outputs)
                yield places, frames, self.chain.at(frames).carried(part)

    def removed(self, neurons: Int[Tensor, " n"]) -> Removed:
        """What the ablation of each neuron takes out of the layer's output."""
        removed = self.contributions.removed(neurons)
        return Removed(self._centred(removed.change), removed.outputs)

    def without(self, neurons: Int[Tensor, " n"]) -> Float[Tensor, "frames colours height width"]:
        """The picture with all of these neurons taken out together."""
        return next(self.without_each([neurons]))[0]

    def without_each(
        self, groups: Sequence[Int[Tensor, " _"]], max_bytes: int = CHUNK_BYTES
    ) -> Iterator[Float[Tensor, "groups frames colours height width"]]:
        """The picture with all neurons of a group taken out together, for each of the groups, a few at a time.

        Args:
            groups: the neurons of each.
            max_bytes: size of the largest layer of those that run together.
        """
        size = self.chain.values * self.values.element_size() * self.frames
        together = max(1, max_bytes // size)
        for start in range(0, len(groups), together):
            changes = []
            for neurons in groups[start : start + together]:
                shares = torch.zeros(self.neurons, dtype=self.values.dtype, device=self.values.device)
                shares[neurons] = 1
                changes.append(self.contributions.removed_together(shares))
            carried = self.chain.carried(Removed(self._centred(torch.stack(changes))))
            yield self.chain.picture - self.chain.of_picture(carried)

    def first_order(
        self, directions: Float[Tensor, "k frames colours height width"]
    ) -> Float[Tensor, "k neurons"]:
        """Gradient × term: effects to first order in some directions of the picture, of all neurons of the layer."""
        with torch.inference_mode(False), torch.enable_grad():
            shares = torch.zeros(self.neurons, dtype=self.values.dtype, device=self.values.device)
            shares.requires_grad_()
            change = self._centred(self.contributions.removed_together(shares)[None])
            picture = self.chain.changed(change[0])
            found = [torch.autograd.grad(-picture, shares, one, retain_graph=True)[0] for one in directions]
        return torch.stack(found)

    def sums(
        self,
        neurons: Int[Tensor, " n"],
        truth: Float[Tensor, "frames colours height width"] | None,
        max_bytes: int,
    ) -> EffectSums:
        """The reductions, a chunk at a time."""
        shape = (len(neurons), self.frames)
        device = self.values.device
        absolute = torch.zeros(shape, dtype=torch.float64, device=device)
        rise = torch.zeros(shape, dtype=torch.float64, device=device)
        pixels = torch.zeros(self.frames, *self.shape, dtype=torch.float64, device=device)
        for places, frames, sizes, risen in self.sizes(neurons, truth, max_bytes):
            absolute[places, frames] = sizes.sum((2, 3)).double()
            pixels[frames] += sizes.sum(0)
            if risen is not None:
                rise[places, frames] = risen
        return EffectSums(neurons, absolute, pixels, None if truth is None else rise)

    def completeness_error(self, chunk: int) -> float:
        """That of the contributions: effects do not add up."""
        return self.contributions.completeness_error(chunk)

    def _centred(self, change: Tensor) -> Tensor:
        """The change less its mean over pixels and frames for mean ablation."""
        return change - change.mean((1, -2, -1), keepdim=True) if self.ablation == "mean" else change
