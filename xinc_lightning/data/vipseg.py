"""VIPSeg at 720 rows as its authors' preparation scripts leave it on disk (§4)."""

import json
from pathlib import Path
from typing import Any

from xinc_lightning.data.clip import VOID, ClipFiles
from xinc_lightning.data.errors import DataError, existing, plain_name
from xinc_lightning.data.image_files import ImageFiles
from xinc_lightning.data.index import ClipIndex
from xinc_lightning.data.masks import MaskFile, distinct_ids, read_ids, read_wide_ids
from xinc_lightning.data.segments import Annotation, name_segments, read_annotations, read_categories

STUFF_BELOW = 125
"""Values of ``panomasks`` from here on are (category + 1)·100 + object, below it category + 1."""


class VIPSeg:
    """``VIPSeg_720P``: ``images/<clip>``, ``panomasksRGB/<clip>`` and ``panoptic_gt_VIPSeg.json``.

    Every frame is annotated. The JSON may be the whole or its ``_train`` and ``_val`` parts. Masks are the
    colours of ``panomasksRGB``, or else the 16-bit ``panomasks``.

    Args:
        path: ``VIPSeg_720P`` or the folder it is in.

    Raises:
        DataError: a JSON file is damaged.
    """

    def __init__(self, path: Path) -> None:
        files = _annotation_files(path)
        self.folder = files[0].parent
        self.indices = [ClipIndex(file, _split, _clip) for file in files]

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether the folder is a VIPSeg dataset.

        Raises:
            DataError: it is one, but its annotations were not prepared.
        """
        if _annotation_files(path):
            return True
        for folder in (path, path / "VIPSeg_720P", path / "VIPSeg"):
            if (folder / "panomasks").is_dir():
                raise DataError(
                    f"'{folder}' looks like VIPSeg without its panoptic_gt_VIPSeg.json; the dataset's "
                    "change2_720p.py and create_panoptic_video_labels.py prepare VIPSeg_720P with it"
                )
        return False

    @property
    def clip_ids(self) -> list[str]:
        """Ids such as ``0_wHBO8eMSsgo``."""
        return sorted({clip_id for index in self.indices for clip_id in index.clip_ids})

    def open(self, clip_id: str) -> ClipFiles:
        """Find the files of one clip.

        Raises:
            DataError: a frame or mask is missing or has no annotation.
        """
        index = next(index for index in self.indices if clip_id in index.clip_ids)
        annotated = index.entry(clip_id)
        frames = ImageFiles.in_folder(existing(self.folder / "images" / plain_name(clip_id, index.path)))
        masks_folder = self.folder / "panomasksRGB"
        wide = not masks_folder.is_dir()
        if wide:
            masks_folder = self.folder / "panomasks"
        mask_paths = {
            path.stem: path for path in ImageFiles.in_folder(existing(masks_folder / clip_id)).paths
        }
        for path in mask_paths.values():
            if path.stem not in annotated:
                raise DataError(f"mask '{path}' has no annotation in '{index.path}'")
        for name in sorted(set(annotated) - set(frames.names)):
            raise DataError(
                f"mask '{masks_folder / clip_id / name}.png' belongs to no frame: there is no "
                f"'{name}.jpg' in '{self.folder / 'images' / clip_id}'"
            )
        categories = read_categories(index.shared, index.path)
        masks: dict[int, MaskFile] = {}
        annotations: list[tuple[Annotation, ...]] = []
        for position, path in enumerate(frames.paths):
            if path.stem not in annotated or path.stem not in mask_paths:
                where = masks_folder / clip_id if path.stem in annotated else index.path
                raise DataError(f"frame '{path}' has no mask: there is no '{path.stem}' in '{where}'")
            mask = mask_paths[path.stem]
            masks[position] = mask
            annotations.append(
                _wide_annotations(mask) if wide else read_annotations(annotated[path.stem], index.path)
            )
        return ClipFiles(
            name=clip_id,
            frames=frames,
            masks=masks,
            segments=name_segments(annotations, categories, index.path),
            annotations=index.path,
            read_mask=read_wide_ids if wide else read_ids,
        )


def _wide_annotations(path: Path) -> tuple[Annotation, ...]:
    return tuple(
        Annotation(value, (value if value < STUFF_BELOW else value // 100) - 1)
        for value in sorted(distinct_ids(read_wide_ids(path)))
        if value != VOID
    )


def _annotation_files(path: Path) -> list[Path]:
    for folder in (path, path / "VIPSeg_720P", path / "VIPSeg" / "VIPSeg_720P"):
        for names in (
            ["panoptic_gt_VIPSeg.json"],
            ["panoptic_gt_VIPSeg_train.json", "panoptic_gt_VIPSeg_val.json"],
        ):
            files = [folder / name for name in names if (folder / name).is_file()]
            if files:
                return files
    return []


def _split(content: Any) -> tuple[Any, dict[str, Any]]:
    """By clip, what :func:`_clip` has made of its object."""
    return content["categories"], dict(content["annotations"])


def _clip(value: dict[str, Any]) -> Any:
    """A clip's object as its name and, in JSON, the segments of its frames by their names; other objects as they are.

    All objects of all clips together would take half a gigabyte.
    """
    if "video_id" not in value or "annotations" not in value:
        return value
    frames = {str(image["image_id"]): image["segments_info"] for image in value["annotations"]}
    return str(value["video_id"]), json.dumps(frames).encode()
