"""Contribution maps of a convolution's kernels, upsampled to the output's resolution (§3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.canvas.chain import Removed
from xinc_lightning.canvas.linear import relative_error
from xinc_lightning.canvas.resampling import (
    LargerMaps,
    Maps,
    box_filter,
    convolve,
    pad_same,
    shuffle_masked,
    upsample_nearest,
)
from xinc_lightning.networks.layers import Activation


@dataclass(frozen=True)
class Step:
    """What a later layer does to the maps of an earlier one (§3.2.2, §3.2.3).

    Args:
        kernel: rows and columns of its kernel, the size of the box filter.
        upsample: its upsampling factor, applied as nearest neighbours.
        activation: its activation, ``None`` for the identity and for the last layer.
    """

    kernel: tuple[int, int]
    upsample: int = 1
    activation: Activation | None = None

    def __call__(self, maps: Maps) -> LargerMaps:
        """Box filter, nearest-neighbour upsampling, activation."""
        maps = upsample_nearest(box_filter(maps, self.kernel), self.upsample)
        return self.activation(maps) if self.activation else maps


@dataclass(frozen=True)
class ConvTerms:
    """What each kernel (i, o) of a convolution adds to each output pixel; neuron number i·out + o.

    Args:
        values: the convolution's input.
        weight: its weight.
        bias: its bias, ``None`` for none.
        output: what the network itself computed from these, before shuffle and activation.
        shuffle: factor of the PixelShuffle that follows, 1 for none.
        activation: elementwise, after the shuffle; ``None`` for the identity.
        steps: operations of the later layers, in their order.
    """

    values: Float[Tensor, "frames inputs rows cols"]
    weight: Float[Tensor, "outputs inputs kernel_rows kernel_cols"]
    bias: Float[Tensor, " outputs"] | None
    output: Float[Tensor, "frames outputs rows cols"]
    shuffle: int = 1
    activation: Activation | None = None
    steps: tuple[Step, ...] = ()

    @property
    def neurons(self) -> int:
        """Number of kernels."""
        return self.weight.shape[0] * self.weight.shape[1]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a map."""
        factor = self.shuffle
        for step in self.steps:
            factor *= step.upsample
        return self.values.shape[2] * factor, self.values.shape[3] * factor

    @property
    def labels(self) -> Mapping[str, Int[Tensor, " neurons"]]:
        """Per neuron its ``input`` channel, ``kernel`` (the convolution's output channel) and, after the
        PixelShuffle, its output ``channel`` and the sub-pixel ``phase_row`` and ``phase_col``.
        """  # noqa: D205
        indices = torch.arange(self.neurons)
        kernel = indices % len(self.weight)
        phase = kernel % self.shuffle**2
        return {
            "input": indices // len(self.weight),
            "kernel": kernel,
            "channel": kernel // self.shuffle**2,
            "phase_row": phase // self.shuffle,
            "phase_col": phase % self.shuffle,
        }

    @property
    def pruned(self) -> Bool[Tensor, " neurons"]:
        """Kernels whose weights are all exactly zero, as pruning leaves them; of the bias they still have a share."""
        return ~(self.weight != 0).flatten(2).any(2).T.flatten()

    @property
    def inactive(self) -> Bool[Tensor, " neurons"]:
        """Kernels that are zero or whose input channel is, at every pixel: taking them out changes nothing."""
        channels = (self.values != 0).transpose(0, 1).flatten(1).any(1)
        kernels = (self.weight != 0).flatten(2).any(2)
        return ~(kernels & channels).T.flatten()

    def terms(self, neurons: Int[Tensor, " n"]) -> Maps:
        """Each kernel's own output plus its share b_o / in of the bias, before shuffle and activation."""
        outputs, inputs = self.weight.shape[:2]
        channels, kernels = neurons // outputs, neurons % outputs
        values = pad_same(self.values[:, channels], self.weight.shape[2:])
        # Neurons innermost in memory: fastest here, and the layout that the fused sweep needs.
        values = values.contiguous(memory_format=torch.channels_last)
        bias = None if self.bias is None else self.bias[kernels] / inputs
        terms = F.conv2d(values, self.weight[kernels, channels, None], bias, groups=len(neurons))
        return terms.transpose(0, 1)

    def at(self, frame: int) -> "ConvTerms":
        """Those of one frame."""
        one = slice(frame, frame + 1)
        return replace(self, values=self.values[one], output=self.output[one])

    def removed(self, neurons: Int[Tensor, " n"]) -> Removed:
        """What ablation takes out of the convolution's output, before the shuffle: each kernel's term."""
        return Removed(self.terms(neurons), neurons % len(self.weight))

    def removed_together(
        self, shares: Float[Tensor, " neurons"]
    ) -> Float[Tensor, "frames outputs rows cols"]:
        """What ablation of these shares of all kernels at once takes out of the convolution's output."""
        outputs, inputs = self.weight.shape[:2]
        taken = shares.view(inputs, outputs).T
        bias = None if self.bias is None else self.bias / inputs * taken.sum(1)
        return convolve(self.values, self.weight * taken[..., None, None], bias)

    def maps(self, neurons: Int[Tensor, " n"]) -> LargerMaps:
        """The kernels' contribution maps."""
        maps = self.terms(neurons)
        if self.shuffle > 1:
            maps = shuffle_masked(maps, neurons % self.shuffle**2, self.shuffle)
        if self.activation:
            maps = self.activation(maps)
        for step in self.steps:
            maps = step(maps)
        return maps

    def completeness_error(self, chunk: int) -> float:
        """How far the sum of all terms is from the output the network computed, ``chunk`` neurons at a time.

        Returns:
            Largest absolute difference over the largest absolute output.
        """
        expected = self.output.transpose(0, 1).double()
        total = torch.zeros_like(expected)
        outputs, inputs = self.weight.shape[:2]
        kernels = torch.arange(outputs, device=self.values.device)
        for channel in range(inputs):  # neighbouring kernels in memory: scattering takes twice as long
            for sums, part in zip(torch.split(total, chunk), torch.split(kernels, chunk), strict=True):
                sums += self.terms(channel * outputs + part)
        return relative_error(total, expected, expected)
