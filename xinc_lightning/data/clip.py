"""A clip in memory: frames with the panoptic segments of those that are annotated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xinc_lightning.data.errors import DataError
from xinc_lightning.data.frames import Frames, select_frames
from xinc_lightning.data.masks import MaskFile, distinct_ids, mask_size, read_ids
from xinc_lightning.data.progress import with_progress
from xinc_lightning.data.resizing import AS_NERV, Box, Resizing

VOID = 0
"""Mask value of pixels that belong to no segment."""


@dataclass(frozen=True)
class Segment:
    """A thing (one object through the whole clip) or a stuff region.

    Attributes:
        id: its value in the masks.
        name: unique in the clip, such as ``car_0`` or ``sky``.
        category: such as ``car``.
        isthing: countable object, not stuff.
    """

    id: int
    name: str
    category: str
    isthing: bool


@dataclass(frozen=True)
class ClipFiles:
    """A clip on disk, not decoded yet.

    Attributes:
        name: of the clip in figures and errors.
        frames: its frames.
        masks: mask of each annotated frame, a file or a page of one, by frame index.
        segments: the segments of the ids in the masks; None to name them after their ids.
        void: mask value of unlabelled pixels.
        annotations: file that describes the ids, to be named in errors.
        read_mask: decodes a mask file to ids.
    """

    name: str
    frames: Frames
    masks: Mapping[int, MaskFile] = field(default_factory=dict)
    segments: tuple[Segment, ...] | None = None
    void: int = VOID
    annotations: Path | None = None
    read_mask: Callable[[MaskFile], NDArray[np.int64]] = read_ids


@dataclass(frozen=True, eq=False)
class PanopticClip:
    """Chosen frames of one clip, cropped and resized, with their panoptic segments.

    Attributes:
        name: of the clip in figures.
        frames: [frame, 3, height, width] RGB in [0, 1], but for a cubic's overshoot where that was kept.
        segments: things and stuff that are in at least one mask.
        masks: for each frame [height, width] segment ids, ``VOID`` where unlabelled; None where the frame is
            not annotated.
        indices: each frame's number in the source.
        lost: segments of the source masks of which cropping and resizing left no pixel.
        files: where the clip was read from; None for a clip made in memory.
        box: part of the source frames that was kept; None for all of it.
    """

    name: str
    frames: Tensor
    segments: tuple[Segment, ...] = ()
    masks: tuple[Tensor | None, ...] = ()
    indices: tuple[int, ...] = ()
    lost: tuple[Segment, ...] = ()
    files: ClipFiles | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        """Fill in the defaults of a clip made in memory, and check that its parts are consistent."""
        if self.frames.ndim != 4 or self.frames.shape[1] != 3 or not self.frames.is_floating_point():
            raise DataError(
                f"frames are float [frame, 3, height, width], not {self.frames.dtype} {[*self.frames.shape]}"
            )
        if not self.masks:
            object.__setattr__(self, "masks", (None,) * len(self))
        if not self.indices:
            object.__setattr__(self, "indices", tuple(range(len(self))))
        if not len(self.masks) == len(self.indices) == len(self):
            raise DataError(
                f"a clip of {len(self)} frames needs as many masks and indices, "
                f"not {len(self.masks)} and {len(self.indices)}"
            )
        for mask in self.masks:
            if mask is not None and mask.shape != self.frames.shape[2:]:
                raise DataError(
                    f"a mask of {[*mask.shape]} does not fit frames of {[*self.frames.shape[2:]]}"
                )

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.frames)

    @property
    def height(self) -> int:
        """Rows of a frame."""
        return self.frames.shape[2]

    @property
    def width(self) -> int:
        """Columns of a frame."""
        return self.frames.shape[3]

    @property
    def fps(self) -> float | None:
        """Frames a second at which the clip lasts as long as its source; None where that has no rate.

        Of every second frame it is half the source's; of frames unevenly chosen it is the source's.
        """
        rate = self.files.frames.fps if self.files is not None else None
        steps = {later - earlier for earlier, later in pairwise(self.indices)}
        return rate / steps.pop() if rate is not None and len(steps) == 1 else rate

    @property
    def annotated(self) -> tuple[int, ...]:
        """Positions of the frames that have a mask."""
        return tuple(position for position, mask in enumerate(self.masks) if mask is not None)


def load_clip(
    files: ClipFiles,
    frames: str | list[int] = "all",
    crop: Sequence[int] | str | None = "aspect",
    resize: tuple[int, int] | None = (128, 256),
    annotated_only: bool = False,
    resizing: Resizing = AS_NERV,
) -> PanopticClip:
    """Decode, crop and resize the chosen frames and their masks.

    Args:
        files: the clip on disk.
        frames: ``all``, a slice such as ``0:30``, or a list of frame numbers.
        crop: ``aspect`` for the largest centred part with the proportions of ``resize``, [height, width] for
            a centred part, [top, bottom, left, right] for that part, None for the whole frame.
        resize: height and width; None to keep the resolution.
        annotated_only: choose among the frames that have a mask, as if there were no others.
        resizing: how they come to their size.

    Raises:
        DataError: a file cannot be used, or frames or crop are out of range.
    """
    candidates = sorted(files.masks) if annotated_only else range(len(files.frames.names))
    if not candidates:
        raise DataError(f"the clip '{files.name}' has no annotated frame to choose")
    indices = [candidates[i] for i in select_frames(frames, len(candidates), f"the clip '{files.name}'")]
    size = files.frames.size
    box = crop_box(crop, resize, size, files.frames.describe(0))
    pictures: list[Tensor] = []
    masks: list[Tensor | None] = []
    seen: set[int] = set()
    decoded = with_progress(files.frames.read(indices), len(indices), f"Reading {files.name}")
    for index, picture in zip(indices, decoded, strict=True):
        if picture.shape[:2] != size:
            raise DataError(
                f"{files.frames.describe(index)} has {_by(picture.shape[:2])} pixels, but "
                f"{files.frames.describe(0)} has {_by(size)}; all frames of a clip need one size"
            )
        pictures.append(resizing.frame(torch.from_numpy(picture), box, resize))
        masks.append(None)
        if index in files.masks:
            ids = _checked_mask(files, index, size)
            seen.update(distinct_ids(ids))
            masks[-1] = resizing.mask(torch.from_numpy(ids), box, resize)
    kept = {i for mask in masks if mask is not None for i in distinct_ids(mask.numpy())}
    segments = files.segments
    if segments is None:
        segments = tuple(Segment(i, f"object_{i}", "object", True) for i in sorted(seen - {VOID}))
    return PanopticClip(
        name=files.name,
        frames=torch.stack(pictures),
        segments=tuple(segment for segment in segments if segment.id in kept),
        masks=tuple(masks),
        indices=tuple(indices),
        lost=tuple(segment for segment in segments if segment.id in seen - kept),
        files=files,
        box=box,
    )


def crop_box(
    crop: Sequence[int] | str | None,
    resize: tuple[int, int] | None,
    size: tuple[int, int],
    what: str = "the frame",
) -> Box:
    """Rows and columns of a source frame to keep.

    >>> crop_box("aspect", (128, 256), (720, 1280))
    (40, 680, 0, 1280)

    Args:
        crop: see ``load_clip``.
        resize: height and width that ``aspect`` keeps the shape of.
        size: height and width of the source frame.
        what: how to name the frame in an error.

    Raises:
        DataError: the part is empty or reaches outside the frame.
    """
    height, width = size
    if crop is None or (crop == "aspect" and resize is None):
        return 0, height, 0, width
    if crop == "aspect" and resize is not None:
        rows, columns = resize
        if width * rows >= height * columns:
            crop = [height, max(round(height * columns / rows), 1)]
        else:
            crop = [max(round(width * rows / columns), 1), width]
    if isinstance(crop, str) or len(crop) not in (2, 4):
        raise DataError(
            f"crop {crop!r} is neither 'aspect', [height, width], [top, bottom, left, right] nor null"
        )
    if len(crop) == 2:
        top, left = (height - crop[0]) // 2, (width - crop[1]) // 2
        box = (top, top + crop[0], left, left + crop[1])
    else:
        box = (crop[0], crop[1], crop[2], crop[3])
    top, bottom, left, right = box
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise DataError(
            f"crop {[*crop]} (rows {top}:{bottom}, columns {left}:{right}) does not lie inside {what} "
            f"of {_by(size)} pixels; 'aspect' takes the largest centred part that does"
        )
    return box


def _checked_mask(files: ClipFiles, index: int, size: tuple[int, int]) -> NDArray[np.int64]:
    path = files.masks[index]
    found = mask_size(path)  # before it is decoded, so that it takes no more memory than the frame
    if found != size:
        raise DataError(
            f"mask '{path}' has {_by(found)} pixels, but {files.frames.describe(index)} has {_by(size)}"
        )
    ids = files.read_mask(path)
    if files.segments is not None:
        known = {segment.id for segment in files.segments} | {files.void}
        unknown = sorted(distinct_ids(ids) - known)
        if unknown:
            raise DataError(
                f"mask '{path}' holds id {unknown[0]}, which '{files.annotations}' does not describe"
            )
    if files.void != VOID:
        ids = np.where(ids == files.void, VOID, ids)
    return ids


def _by(size: Sequence[int]) -> str:
    return f"{size[0]}×{size[1]}"
