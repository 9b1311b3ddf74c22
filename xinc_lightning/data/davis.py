"""DAVIS 2016 and 2017 as they are distributed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xinc_lightning.data.clip import VOID, ClipFiles
from xinc_lightning.data.errors import DataError, existing, names_in
from xinc_lightning.data.frames import ImageFiles
from xinc_lightning.data.images import read_ids
from xinc_lightning.data.own import match_masks

RESOLUTIONS = ("480p", "Full-Resolution", "1080p")
BORDER = 255
"""Palette value of pixels that are left out of the evaluation."""


class DAVIS:
    """``JPEGImages/480p/<clip>/*.jpg`` with ``Annotations/480p/<clip>/*.png``.

    Args:
        path: ``DAVIS`` or the folder it is in.

    Raises:
        DataError: none of the resolutions is there.
    """

    def __init__(self, path: Path) -> None:
        folder = path if _is_davis(path) else path / "DAVIS"
        found = [name for name in RESOLUTIONS if (folder / "JPEGImages" / name).is_dir()]
        if not found:
            raise DataError(f"'{folder / 'JPEGImages'}' holds none of {', '.join(RESOLUTIONS)}")
        self.images = folder / "JPEGImages" / found[0]
        self.masks = folder / "Annotations" / found[0]

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether the folder is a DAVIS dataset."""
        return _is_davis(path) or _is_davis(path / "DAVIS")

    @property
    def clip_ids(self) -> list[str]:
        """Names such as ``bear``."""
        return [name for name in names_in(self.images) if (self.images / name).is_dir()]

    def open(self, clip_id: str) -> ClipFiles:
        """Find the files of one clip; frames without a mask are not annotated.

        Raises:
            DataError: a frame is missing.
        """
        frames = ImageFiles.in_folder(existing(self.images / clip_id))
        folder = self.masks / clip_id
        masks = match_masks(folder, frames) if folder.is_dir() else {}
        return ClipFiles(clip_id, frames, masks, read_mask=read_davis)


def read_davis(path: Path) -> NDArray[np.int64]:
    """Read a mask: palette values are objects (2017), all but black in others is the one object (2016)."""
    ids = read_ids(path)
    with Image.open(path) as image:
        palette = image.mode == "P"
    return np.where(ids == BORDER, VOID, ids) if palette else (ids > 0).astype(np.int64)


def _is_davis(path: Path) -> bool:
    return (path / "JPEGImages").is_dir() and (path / "Annotations").is_dir()
