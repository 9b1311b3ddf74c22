"""DAVIS 2016 and 2017 as they are distributed, and what is laid out like them: YouTube-VOS, MOSE, LVOS."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xinc_lightning.data.clip import VOID, ClipFiles
from xinc_lightning.data.errors import DataError, existing, names_in
from xinc_lightning.data.image_files import ImageFiles
from xinc_lightning.data.images import IMAGE_SUFFIXES
from xinc_lightning.data.masks import MaskFile, read_ids_and_mode
from xinc_lightning.data.own import match_masks

IMAGES = "JPEGImages"
MASKS = ("Annotations", "Annotations_unsupervised")
"""Folders of masks, the first that has the clip counts."""

RESOLUTIONS = ("480p", "Full-Resolution", "1080p")
SPLITS = ("train", "valid", "test")
BORDER = 255
"""Palette value of pixels that are left out of the evaluation."""


@dataclass(frozen=True)
class _Place:
    """Where the clips of one split are: ``root/JPEGImages/resolution``."""

    root: Path
    resolution: str

    @property
    def images(self) -> Path:
        return self.root / IMAGES / self.resolution

    def masks(self, clip_id: str) -> Path | None:
        folders = (self.root / kind / self.resolution / clip_id for kind in MASKS)
        return next((folder for folder in folders if folder.is_dir()), None)


class DAVIS:
    """``JPEGImages/480p/<clip>/*.jpg`` with ``Annotations/480p/<clip>/*.png``.

    Masks may be ``Annotations_unsupervised`` instead. In YouTube-VOS there is no ``480p``, and one folder more
    around: ``train``, ``valid``, ``test``.

    Args:
        path: ``DAVIS`` or the folder it is in; of YouTube-VOS one split or the folder they are in.

    Raises:
        DataError: none of the resolutions is there.
    """

    def __init__(self, path: Path) -> None:
        self.places = [_place(root) for root in _roots(path)]

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether the folder is a DAVIS dataset, or one like it."""
        return any(_roots(path))

    @property
    def clip_ids(self) -> list[str]:
        """Names such as ``bear``."""
        return sorted(
            {
                name
                for place in self.places
                for name in names_in(place.images)
                if (place.images / name).is_dir()
            }
        )

    def open(self, clip_id: str) -> ClipFiles:
        """Find the files of one clip; frames without a mask are not annotated.

        Raises:
            DataError: a frame is missing.
        """
        place = next((place for place in self.places if (place.images / clip_id).is_dir()), self.places[0])
        frames = ImageFiles.in_folder(existing(place.images / clip_id))
        folder = place.masks(clip_id)
        masks = match_masks(folder, frames) if folder is not None else {}
        return ClipFiles(clip_id, frames, masks, read_mask=read_davis)


def read_davis(source: MaskFile) -> NDArray[np.int64]:
    """Read a mask: palette values are objects (2017); in others all but black is the one object (2016).

    A palette mask of 0 and 255 alone is of the second kind too; beside other values 255 is not evaluated.
    """
    ids, mode = read_ids_and_mode(source)
    objects = mode == "P" and bool(((ids != VOID) & (ids != BORDER)).any())
    return np.where(ids == BORDER, VOID, ids) if objects else (ids > 0).astype(np.int64)


def _roots(path: Path) -> Iterator[Path]:
    """Folders that hold images and masks."""
    for candidates in ([path], [path / "DAVIS"], [path / split for split in SPLITS]):
        found = [folder for folder in candidates if _holds_clips(folder)]
        if found:
            yield from found
            return


def _holds_clips(folder: Path) -> bool:
    return (folder / IMAGES).is_dir() and any((folder / kind).is_dir() for kind in MASKS)


def _place(root: Path) -> _Place:
    images = root / IMAGES
    for name in RESOLUTIONS:
        if (images / name).is_dir():
            return _Place(root, name)
    clips = [images / name for name in names_in(images) if (images / name).is_dir()]
    if clips and any(Path(name).suffix.lower() in IMAGE_SUFFIXES for name in names_in(clips[0])):
        return _Place(root, "")
    raise DataError(f"'{images}' holds none of {', '.join(RESOLUTIONS)}, nor a clip's folder of images")
