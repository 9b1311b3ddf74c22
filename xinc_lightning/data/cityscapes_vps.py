"""Cityscapes-VPS as its authors' preparation scripts leave it on disk (§4)."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xinc_lightning.data.clip import VOID, ClipFiles
from xinc_lightning.data.errors import DataError, names_in, plain_name
from xinc_lightning.data.image_files import ImageFiles
from xinc_lightning.data.index import ClipIndex
from xinc_lightning.data.masks import MaskFile, distinct_ids, read_ids, read_wide_ids
from xinc_lightning.data.segments import Annotation, name_segments, read_annotations, read_categories

INST_VOID = 255
"""Value of unlabelled pixels in ``panoptic_inst``."""


class CityscapesVPS:
    """``panoptic_gt_<split>_city_vps.json`` with the folder ``<split>`` beside it, for one split or several.

    Of each clip every fifth frame is annotated. All of its frames are in ``img_all`` (val), only the
    annotated ones in ``img`` (train). Masks are the colours of ``panoptic_video``, or else the 16-bit
    ``panoptic_inst``.

    Args:
        path: the folder with the JSON files, or one split in it.

    Raises:
        DataError: a JSON file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.splits = {folder: ClipIndex(json, _split) for json, folder in _annotation_files(path)}

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether the folder is a Cityscapes-VPS dataset.

        Raises:
            DataError: it is one, but its annotations were not prepared.
        """
        if _annotation_files(path):
            return True
        for folder in (path, path / "val", path / "train"):
            if (folder / "panoptic_inst").is_dir() or (folder / "panoptic_video").is_dir():
                raise DataError(
                    f"'{path}' looks like Cityscapes-VPS without its "
                    f"panoptic_gt_{folder.name}_city_vps.json; "
                    "the dataset's create_panoptic_video_labels.py writes it"
                )
        return False

    @property
    def clip_ids(self) -> list[str]:
        """Ids such as ``0005``."""
        return sorted(clip_id for index in self.splits.values() for clip_id in index.clip_ids)

    def open(self, clip_id: str) -> ClipFiles:
        """Find the files of one clip.

        Raises:
            DataError: a frame or mask is missing or has no annotation.
        """
        folder, index = next(item for item in self.splits.items() if clip_id in item[1].clip_ids)
        annotated = index.entry(clip_id)
        masks_folder = folder / "panoptic_video"
        wide = not masks_folder.is_dir()
        if wide:
            masks_folder = folder / "panoptic_inst"
        present = {name for name in names_in(masks_folder) if name.startswith(f"{clip_id}_")}
        for name in sorted(present - {entry["mask"] for entry in annotated}):
            raise DataError(f"mask '{masks_folder / name}' has no annotation in '{index.path}'")
        frames = _find_frames(folder, annotated, index.path)
        positions = {path: position for position, path in enumerate(frames.values())}
        categories = read_categories(index.shared, index.path)
        masks: dict[int, MaskFile] = {}
        annotations: list[tuple[Annotation, ...]] = []
        for entry in annotated:
            path = masks_folder / entry["mask"]
            if entry["mask"] not in present:
                raise DataError(
                    f"frame '{frames[entry['frame']]}' is annotated in '{index.path}', but "
                    f"'{path}' is missing"
                )
            masks[positions[frames[entry["frame"]]]] = path
            annotations.append(
                _inst_annotations(path, categories)
                if wide
                else read_annotations(entry["segments"], index.path)
            )
        return ClipFiles(
            name=clip_id,
            frames=ImageFiles(tuple(frames.values())),
            masks=masks,
            segments=name_segments(annotations, categories, index.path),
            annotations=index.path,
            read_mask=read_inst if wide else read_ids,
        )


def read_inst(path: MaskFile) -> NDArray[np.int64]:
    """Read a ``panoptic_inst`` mask; ids are its values + 1, because its 0 is road and ours no segment."""
    values = read_wide_ids(path)
    return np.where(values == INST_VOID, VOID, values + 1)


def _inst_annotations(path: Path, categories: Mapping[int, Any]) -> tuple[Annotation, ...]:
    annotations = []
    for segment in sorted(distinct_ids(read_inst(path)) - {VOID}):
        value = segment - 1
        category = value // 1000 if value >= 1000 else value  # an object's number may be 0: 11000 is one
        crowd = value < 1000 and category in categories and categories[category].isthing
        annotations.append(Annotation(segment, category, crowd))
    return tuple(annotations)


def _annotation_files(path: Path) -> list[tuple[Path, Path]]:
    """Pairs of JSON file and split folder."""
    return [
        (json, json.parent / match[1])
        for folder, only in ((path, None), (path.parent, path.name))
        for json in (sorted(folder.glob("panoptic_gt_*_city_vps.json")) if folder.is_dir() else ())
        if (match := re.fullmatch(r"panoptic_gt_(\w+)_city_vps\.json", json.name))
        and (json.parent / match[1]).is_dir()
        and only in (None, match[1])
    ]


def _split(content: Any) -> tuple[Any, dict[str, Any]]:
    """By clip, each annotated frame's name (``<city>_<seq>_<frame>``), files and segments."""
    images = {str(image["id"]): str(image["file_name"]) for image in content["images"]}
    clips: dict[str, Any] = {}
    for annotation in sorted(content["annotations"], key=lambda annotation: str(annotation["image_id"])):
        clip_id, _, frame = str(annotation["image_id"]).split("_", 2)
        clips.setdefault(clip_id, []).append(
            {
                "frame": frame,
                "image": images[str(annotation["image_id"])],
                "mask": str(annotation["file_name"]),
                "segments": annotation["segments_info"],
            }
        )
    return content["categories"], clips


def _find_frames(folder: Path, annotated: list[Any], annotations: Path) -> dict[str, Path]:
    """Image of every frame of the clip, in order: the annotated ones and those of ``img_all`` around them."""
    everything: dict[str, Path] = {}
    if (folder / "img_all").is_dir():
        paths = ImageFiles.in_folder(folder / "img_all").paths
        everything = {path.stem.rsplit("_", 1)[0]: path for path in paths}
    frames = {}
    for entry in annotated:
        path = everything.get(entry["frame"], folder / "img" / plain_name(entry["image"], annotations))
        if not path.is_file():
            wanted = (
                f"{entry['frame']}_leftImg8bit.png' in '{folder / 'img_all'}" if everything else str(path)
            )
            raise DataError(
                f"mask '{entry['mask']}' of '{annotations}' belongs to no frame: there is no '{wanted}'"
            )
        frames[entry["frame"]] = path
    sequence = annotated[0]["frame"].rsplit("_", 1)[0]
    numbers = sorted(int(frame.rsplit("_", 1)[1]) for frame in frames)
    # The annotated frames are equally spaced; the clip's others lie between them, and before the first or
    # after the last less than one spacing away.
    spacing = min((later - earlier for earlier, later in pairwise(numbers)), default=1)
    for frame, path in everything.items():
        name, _, number = frame.rpartition("_")
        if (
            name == sequence
            and number.isdecimal()
            and numbers[0] - spacing < int(number) < numbers[-1] + spacing
        ):
            frames[frame] = path
    return dict(sorted(frames.items(), key=lambda item: int(item[0].rsplit("_", 1)[1])))
