"""The network from one layer on, run from a change in that layer's output: what ablation does to the picture.

The change of one channel is cheap to carry on: the next convolution is linear in it, so that only one input channel's
slice of its weights is needed, on top of what the network computed; later layers run in full. Changes are carried, not
values: a neuron that does nothing has an effect of exactly 0, and small effects keep their digits.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.canvas.resampling import convolve, pad_same, shuffle_masked
from xinc_lightning.networks.layers import Activation

TOLERANCE = 1e-3
"""Relative difference beyond which a declared layer does not make what the network made."""


class Removed(NamedTuple):
    """What is taken out of a layer's output before its activation.

    Args:
        change: of the channels in ``outputs``, [n, frames, rows, cols]; of all, [n, frames, outputs, rows, cols].
        outputs: the channel that each neuron changes; ``None`` if it changes all.
    """

    change: Tensor
    outputs: Int[Tensor, " n"] | None = None


@dataclass(frozen=True)
class Link:
    """One layer as the network ran it; channels come last, and a linear layer is a convolution of 1×1.

    Its output channels are in the order of their sub-pixel phases, so that a PixelShuffle moves whole rows of memory.

    Args:
        name: of the layer.
        weight: of its convolution.
        output: what the network computed, before shuffle and activation.
        shuffle: factor of its PixelShuffle, 1 for none.
        activation: after it, elementwise; ``None`` for the identity.
        after: what the next layer received, or the picture.
    """

    name: str
    weight: Float[Tensor, "outputs inputs kernel_rows kernel_cols"]
    output: Float[Tensor, "frames rows cols outputs"]
    shuffle: int
    activation: Activation | None
    after: Float[Tensor, "frames height width channels"]

    def at(self, frames: slice) -> "Link":
        """The same layer at some of the frames."""
        return replace(self, output=self.output[frames], after=self.after[frames])

    def activated(self, output: Tensor) -> Tensor:
        """The activation of some of its output, which may be overwritten."""
        return self.activation(output) if self.activation else output

    def shuffled(
        self, output: Float[Tensor, "*n rows cols outputs"]
    ) -> Float[Tensor, "*n height width channels"]:
        """The PixelShuffle of values like its output."""
        return subpixels(output, self.shuffle).transpose(-4, -3).flatten(-3, -2).flatten(-4, -3)

    def passed(
        self, change: Float[Tensor, "n frames rows cols outputs"]
    ) -> Float[Tensor, "n frames height width channels"]:
        """The change of ``after`` for a change of ``output``, which is overwritten."""
        changed = change.new_empty(change.shape[0], *self.after.shape)
        values = self.activated(torch.sub(self.output, change, out=change))
        # The shuffle costs nothing: each result is written to its pixel.
        torch.sub(
            pixels(self.after, self.shuffle),
            subpixels(values, self.shuffle),
            out=pixels(changed, self.shuffle),
        )
        return changed

    def passed_channel(
        self, change: Float[Tensor, "n frames rows cols"], outputs: Int[Tensor, " n"]
    ) -> Float[Tensor, "n frames rows cols"]:
        """The change of ``after`` where one channel of ``output`` changed, at that channel's sub-pixel phase."""
        places = self.places(outputs)
        before = self.output[..., places].movedim(-1, 0)
        after = before - change
        return self.activated(before) - self.activated(after)

    def places(self, outputs: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """Where the layer's own output channels are in ``output``."""
        phases = self.shuffle**2
        return outputs % phases * (self.output.shape[-1] // phases) + outputs // phases


def phases_first(channels: Tensor, shuffle: int) -> Tensor:
    """Output channels, the first axis, in the order of their sub-pixel phases.

    >>> phases_first(torch.arange(8), 2)
    tensor([0, 4, 1, 5, 2, 6, 3, 7])
    """
    return torch.unflatten(channels, 0, (-1, shuffle**2)).transpose(0, 1).flatten(0, 1)


def subpixels(output: Tensor, shuffle: int) -> Tensor:
    """A view of output channels [rows, cols, outputs] as [rows, cols, phase row, phase col, channels]."""
    return torch.unflatten(output, -1, (shuffle, shuffle, -1))


def pixels(picture: Tensor, shuffle: int) -> Tensor:
    """A view of pixels [height, width, channels] as [rows, cols, phase row, phase col, channels]."""
    rows = torch.unflatten(picture, -3, (-1, shuffle))
    return torch.unflatten(rows, -2, (-1, shuffle)).transpose(-4, -3)


@dataclass(frozen=True)
class Chain:
    """The layers from one on, the head last.

    Args:
        links: the layers.
        head_activation: whether effects are those of the picture, or of the head's output before its activation.
    """

    links: tuple[Link, ...]
    head_activation: bool = True

    @property
    def colours(self) -> int:
        """Number of colours of the picture."""
        return self.links[-1].after.shape[-1]

    @property
    def picture(self) -> Float[Tensor, "frames colours height width"]:
        """What the network made."""
        return self.links[-1].after.movedim(-1, 1)

    @property
    def values(self) -> int:
        """Values of the largest layer of one frame, to which the memory that one neuron takes is proportional."""
        return max(link.output[0].numel() for link in self.links)

    def at(self, frames: slice) -> "Chain":
        """The same layers at some of the frames."""
        return replace(self, links=tuple(link.at(frames) for link in self.links))

    @cached_property
    def fault(self) -> str:
        """Why the declared layers alone do not make what the network made; empty if they do."""
        for link, following in zip(self.links, (*self.links[1:], None), strict=True):
            made = link.shuffled(link.activated(link.output.clone()))
            scale = float(link.after.abs().max()) or 1.0
            if float((made - link.after).abs().max()) > TOLERANCE * scale:
                product = f"what {following.name!r} receives" if following else "the network's picture"
                return f"the activation declared for {link.name!r} does not make {product}"
        return ""

    def carried(self, removed: Removed) -> Float[Tensor, "n frames colours height width"]:
        """The change of the head's output before its activation, for each neuron."""
        first, *later = self.links
        change, outputs = removed
        n, frames = change.shape[:2]
        if outputs is not None:
            if later:
                change = first.passed_channel(change, outputs)
            maps = shuffle_masked(change, outputs % first.shuffle**2, first.shuffle)
            channels = outputs // first.shuffle**2
            if not later:
                effects = maps.new_zeros(n, self.colours, frames, *maps.shape[2:])
                effects[torch.arange(n, device=maps.device), channels] = maps
                return effects.transpose(1, 2)
            changes = one_channel_convolved(maps, later[0].weight, channels)
        else:
            changes = phases_first(change.movedim(2, 0), first.shuffle).movedim(0, -1).contiguous()
            if later:
                changes = _convolved(first.passed(changes), later[0])
        for link, following in pairwise(later):
            changes = _convolved(link.passed(changes), following)
        return self.links[-1].shuffled(changes).movedim(-1, 2)

    def changed(
        self, change: Float[Tensor, "frames outputs rows cols"]
    ) -> Float[Tensor, "frames colours height width"]:
        """What effects are taken of, less this change of the first layer's output; gradients flow through it."""
        first, last = self.links[0], self.links[-1]
        output = first.output - phases_first(change.movedim(1, 0), first.shuffle).movedim(0, -1)
        for link, following in pairwise(self.links):
            after = link.shuffled(link.activated(output.clone()))
            output = following.output + _convolved((after - link.after)[None], following)[0]
        made = last.activated(output.clone()) if self.head_activation else output
        return last.shuffled(made).movedim(-1, 1)

    def of_picture(
        self, carried: Float[Tensor, "n frames colours height width"]
    ) -> Float[Tensor, "n frames colours height width"]:
        """What a change of the head's output does to the picture."""
        head = self.links[-1]
        if head.activation is None:
            return carried
        before, picture = self._head
        return picture - head.activation(before - carried)

    @cached_property
    def _head(self) -> tuple[Tensor, Tensor]:
        """The head's output before and after its activation, computed in the way in which changed ones are."""
        head = self.links[-1]
        before = head.shuffled(head.output).movedim(-1, 1)
        return before, head.activated(before.clone())


def _convolved(
    change: Float[Tensor, "n frames rows cols inputs"], link: Link
) -> Float[Tensor, "n frames rows cols outputs"]:
    """The change of a layer's output for a change of its input."""
    n, frames = change.shape[:2]
    output = convolve(change.flatten(0, 1).movedim(-1, 1), link.weight)
    return torch.unflatten(output.movedim(1, -1).contiguous(), 0, (n, frames))


def one_channel_convolved(
    maps: Float[Tensor, "n frames rows cols"],
    weight: Float[Tensor, "outputs inputs kernel_rows kernel_cols"],
    channels: Int[Tensor, " n"],
) -> Float[Tensor, "n frames rows cols outputs"]:
    """A convolution of pictures that are 0 but for one channel each, as a matrix product."""
    n, frames, rows, cols = maps.shape
    kernel = weight.shape[2:]
    slices = weight.transpose(0, 1)[channels].flatten(2).transpose(1, 2)
    patches = F.unfold(pad_same(maps.reshape(n * frames, 1, rows, cols), kernel), tuple(kernel))
    product = torch.matmul(torch.unflatten(patches.transpose(1, 2), 0, (n, frames)), slices[:, None])
    return torch.unflatten(product, 2, (rows, cols))
