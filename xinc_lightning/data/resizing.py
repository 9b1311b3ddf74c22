"""Cropping and resizing: frames by interpolation, masks by taking one pixel's id.

A network's PSNR is relative to what its frames were resized to, so each of the paper's two networks can be given the
frames that the authors' own loader makes for it: NeRV's bicubic without antialiasing, FFN's bilinear with it.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.data.errors import DataError

Box = tuple[int, int, int, int]
"""Rows and columns kept of a source frame: top, bottom, left, right."""

Interpolation = Literal["bicubic", "bilinear"]
MaskPixel = Literal["centre", "released"]


@dataclass(frozen=True)
class Resizing:
    """How frames and masks come to their size.

    Attributes:
        interpolation: ``bicubic`` or ``bilinear``.
        antialias: average over the source pixels that a smaller picture's pixel covers.
        clamp: keep frames within [0, 1], which the cubic overshoots at edges.
        mask_pixel: the source pixel whose id a mask's pixel takes: at its ``centre``, or, as in the ``released`` code,
            at its top left.

    Raises:
        DataError: if there is no such interpolation or pixel.
    """

    interpolation: Interpolation = "bicubic"
    antialias: bool = False
    clamp: bool = True
    mask_pixel: MaskPixel = "centre"

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        for name, allowed in (("interpolation", Interpolation), ("mask_pixel", MaskPixel)):
            if (given := getattr(self, name)) not in get_args(allowed):
                raise DataError(f"{name} is {given!r}; it must be one of {', '.join(get_args(allowed))}")

    def frame(self, picture: Tensor, box: Box, size: tuple[int, int] | None) -> Tensor:
        """Crop and resize an 8-bit frame [height, width, 3] to float [3, height, width]."""
        top, bottom, left, right = box
        frame = picture[top:bottom, left:right].permute(2, 0, 1).float().div_(255)
        if size is not None and frame.shape[1:] != size:
            frame = F.interpolate(
                frame[None], size, mode=self.interpolation, align_corners=False, antialias=self.antialias
            )[0]
            if self.clamp:
                frame = frame.clamp(0, 1)
        return frame.contiguous()

    def mask(self, ids: Tensor, box: Box, size: tuple[int, int] | None) -> Tensor:
        """Crop and resize ids [height, width] by taking one id for each pixel."""
        top, bottom, left, right = box
        ids = ids[top:bottom, left:right]
        if size is None:
            return ids.contiguous()
        # By indexing, not F.interpolate: float32 would round ids of 24 bits.
        half = self.mask_pixel == "centre"
        rows, columns = (
            ((2 * torch.arange(new) + half) * old) // (2 * new)
            for new, old in zip(size, ids.shape, strict=True)
        )
        return ids[rows[:, None], columns]


AS_NERV = Resizing()
"""As the authors' loader does it for NeRV, but within [0, 1] and with each mask pixel's centre."""
