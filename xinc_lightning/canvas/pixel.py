"""All neurons' contributions at single pixels, from the small window of the network's values on which they depend.

The maps of NeRV's first block take 2.4 GB and seconds; at one pixel, the same numbers take a few milliseconds.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.canvas.conv import ConvTerms
from xinc_lightning.canvas.linear import LinearTerms
from xinc_lightning.canvas.precision import full_precision, one_thread
from xinc_lightning.canvas.resampling import shuffle_masked, upsample_nearest


def contributions_at(terms: LinearTerms | ConvTerms, row: int, col: int) -> Float[Tensor, "neurons frames"]:
    """What each neuron of a layer adds at one pixel: the values of all its maps there.

    Raises:
        IndexError: if there is no such pixel.
    """
    height, width = terms.shape
    if not (0 <= row < height and 0 <= col < width):
        raise IndexError(f"pixel ({row}, {col}): rows are 0 … {height - 1}, columns 0 … {width - 1}.")
    with torch.no_grad(), full_precision(), one_thread():
        if isinstance(terms, LinearTerms):
            one = (slice(None), slice(row, row + 1), slice(col, col + 1))
            there = replace(terms, values=terms.values[one], output=terms.output[one])
            return there.maps(torch.arange(terms.neurons, device=terms.values.device))[..., 0, 0]
        return _of_kernels(terms, Window(row, row + 1, col, col + 1))[..., 0, 0]


@dataclass(frozen=True)
class Window:
    """Rows and columns of a map, the ends excluded; they may lie outside of the frame, where everything is zero."""

    top: int
    bottom: int
    left: int
    right: int

    def coarse(self, factor: int) -> "Window":
        """The window before upsampling by a factor."""
        return Window(
            self.top // factor, -(-self.bottom // factor), self.left // factor, -(-self.right // factor)
        )

    def grown(self, kernel: tuple[int, ...]) -> "Window":
        """The window on which a filter's output depends, see :func:`~xinc_lightning.canvas.resampling.pad_same`."""
        rows, cols = kernel[0] - 1, kernel[1] - 1
        up, left = rows // 2, cols // 2
        return Window(self.top - up, self.bottom + rows - up, self.left - left, self.right + cols - left)

    def of_frame(self, frame: Tensor) -> Tensor:
        """The window of the last two axes, zeros outside."""
        height, width = frame.shape[-2:]
        inside = frame[..., max(self.top, 0) : self.bottom, max(self.left, 0) : self.right]
        return F.pad(
            inside,
            (max(-self.left, 0), max(self.right - width, 0), max(-self.top, 0), max(self.bottom - height, 0)),
        )

    def cut(self, maps: Tensor, around: "Window", shape: tuple[int, int]) -> Tensor:
        """This window of maps that are of a larger one, zeros outside of the frame."""
        top, left = self.top - around.top, self.left - around.left
        maps = maps[..., top : top + self.bottom - self.top, left : left + self.right - self.left]
        rows = torch.arange(self.top, self.bottom, device=maps.device)[:, None]
        cols = torch.arange(self.left, self.right, device=maps.device)
        inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
        return maps * inside

    def fine(self, factor: int) -> "Window":
        """The window after upsampling by a factor."""
        return Window(self.top * factor, self.bottom * factor, self.left * factor, self.right * factor)


def _of_kernels(terms: ConvTerms, window: Window) -> Float[Tensor, "neurons frames rows cols"]:
    """A window of the maps of all kernels."""
    windows = [window]  # of the maps after each step, and before the first
    for step in reversed(terms.steps):
        windows.insert(0, windows[0].coarse(step.upsample).grown(step.kernel))
    coarse = windows[0].coarse(terms.shuffle)
    maps = _terms(terms, coarse)
    if terms.shuffle > 1:
        phases = torch.arange(terms.neurons, device=maps.device) % len(terms.weight) % terms.shuffle**2
        maps = shuffle_masked(maps, phases, terms.shuffle)
    if terms.activation:
        maps = terms.activation(maps)
    height, width = (side * terms.shuffle for side in terms.values.shape[2:])
    maps = windows[0].cut(maps, coarse.fine(terms.shuffle), (height, width))
    for step, wanted in zip(terms.steps, windows[1:], strict=True):
        maps = upsample_nearest(F.avg_pool2d(maps, step.kernel, stride=1), step.upsample)
        if step.activation:
            maps = step.activation(maps)
        height, width = height * step.upsample, width * step.upsample
        maps = wanted.cut(maps, wanted.coarse(step.upsample).fine(step.upsample), (height, width))
    return maps


def _terms(terms: ConvTerms, window: Window) -> Float[Tensor, "neurons frames rows cols"]:
    """A window of each kernel's own output plus its share of the bias, before shuffle and activation."""
    outputs, inputs, *kernel = terms.weight.shape
    weight = terms.weight.transpose(0, 1).reshape(inputs * outputs, 1, *kernel)
    bias = None if terms.bias is None else (terms.bias / inputs).repeat(inputs)
    values = window.grown(tuple(kernel)).of_frame(terms.values)
    return F.conv2d(values, weight, bias, groups=inputs).transpose(0, 1)
