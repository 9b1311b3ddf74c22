"""Opens and lists clips; recognises whether a path is a dataset, a folder of images or a video."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xinc_lightning.data.cityscapes_vps import CityscapesVPS
from xinc_lightning.data.clip import VOID, ClipFiles
from xinc_lightning.data.davis import DAVIS
from xinc_lightning.data.errors import DataError, existing, in_plain_words
from xinc_lightning.data.images import AS_STATED, PictureOptions
from xinc_lightning.data.masks import distinct_ids
from xinc_lightning.data.own import DEMO_CLIPS, demo_clip, own_clip
from xinc_lightning.data.progress import with_progress
from xinc_lightning.data.vipseg import VIPSeg
from xinc_lightning.errors import did_you_mean


class Dataset(Protocol):
    """Many clips in one layout on disk."""

    @property
    def clip_ids(self) -> list[str]:
        """Name of every clip."""

    def open(self, clip_id: str) -> ClipFiles:
        """Find the files of one clip."""


@dataclass(frozen=True)
class ClipInfo:
    """Description of a clip in a list of clips.

    Attributes:
        id: its name in the dataset.
        frames: how many there are.
        height: rows of the first frame.
        width: columns of the first frame.
        instances: things in the whole clip, or in its first mask where only the masks tell.
        annotated: frames that have a mask.
        problem: why the clip cannot be opened; the numbers are then 0.
    """

    id: str
    frames: int = 0
    height: int = 0
    width: int = 0
    instances: int = 0
    annotated: int = 0
    problem: str = ""


def find_dataset(path: Path) -> Dataset | None:
    """Recognise Cityscapes-VPS, VIPSeg, DAVIS and what is laid out like it by the names of their folders and files.

    Returns:
        None if it is none of them.

    Raises:
        DataError: it is one of them but incomplete.
    """
    if not existing(path, also=DEMO_CLIPS).is_dir():
        return None
    kinds: tuple[type[CityscapesVPS] | type[VIPSeg] | type[DAVIS], ...] = (CityscapesVPS, VIPSeg, DAVIS)
    for kind in kinds:
        if kind.is_at(path):
            return kind(path)
    return None


def open_clip(
    path: str | Path,
    clip_id: str | int | None = None,
    masks: str | Path | None = None,
    pictures: PictureOptions = AS_STATED,
) -> ClipFiles:
    """Find the files of a clip, wherever it is.

    Args:
        path: ``bunny``, ``bikes`` or ``carphone`` for a demo clip; a video, an image, a stack or a folder of images;
            or the folder of a Cityscapes-VPS, VIPSeg, DAVIS or YouTube-VOS dataset.
        clip_id: which clip of a dataset, such as ``0005``; may be left out if it has just one.
        masks: folder or stack of masks for a clip that is not part of a dataset (see ``own_clip``).
        pictures: how pictures of a clip that is not part of a dataset are read.

    Raises:
        DataError: a file is missing or does not fit.
    """
    with in_plain_words():
        folder = Path(path).expanduser()
        dataset = _dataset_at(path)
        if masks is not None and (path in DEMO_CLIPS or dataset is not None):
            raise DataError(
                f"masks '{masks}' cannot be used with '{path}', which has its own; to use other masks, give one "
                "clip's folder of frames as data.path and its folder of masks as data.masks"
            )
        if pictures.white is not None and (path in DEMO_CLIPS or dataset is not None):
            raise DataError(
                f"white is {pictures.white}, which is for your own pictures of 16 bits, not '{path}'"
            )
        if dataset is not None:
            return dataset.open(_choose(dataset, clip_id, folder))
        if clip_id is not None:
            raise DataError(
                f"clip_id '{clip_id}' chooses among the clips of a dataset, but '{path}' is a single clip"
            )
        if path in DEMO_CLIPS:
            return demo_clip(str(path))
        return own_clip(folder, Path(masks).expanduser() if masks is not None else None, pictures=pictures)


def clip_ids(path: str | Path) -> list[str]:
    """Names of all clips of a dataset, none of which is opened.

    Raises:
        DataError: there is no dataset.
    """
    with in_plain_words():
        dataset = _dataset_at(path)
        if dataset is None:
            raise DataError(f"'{path}' is a single clip, not a dataset whose clips could be listed")
        return dataset.clip_ids


def list_clips(path: str | Path, masks: str | Path | None = None) -> list[ClipInfo]:
    """Describe every clip at a path; of frames no more is decoded than it takes to count them.

    Raises:
        DataError: there is neither dataset nor clip.
    """
    with in_plain_words():
        dataset = _dataset_at(path)
        if dataset is None:
            return [_info(open_clip(path, masks=masks))]
        return list(with_progress(_infos(dataset), len(dataset.clip_ids), "Looking at clips"))


def _dataset_at(path: str | Path) -> Dataset | None:
    """The dataset that a path or the name of a demo clip is; None for a single clip."""
    return None if path in DEMO_CLIPS else find_dataset(Path(path).expanduser())


def _infos(dataset: Dataset) -> Iterator[ClipInfo]:
    for clip_id in dataset.clip_ids:
        try:
            yield _info(dataset.open(clip_id))
        except DataError as error:
            yield ClipInfo(clip_id, problem=str(error))


def _info(files: ClipFiles) -> ClipInfo:
    if files.segments is not None:
        instances = sum(segment.isthing for segment in files.segments)
    elif files.masks:
        instances = len(distinct_ids(files.read_mask(files.masks[min(files.masks)])) - {VOID})
    else:
        instances = 0
    height, width = files.frames.size
    return ClipInfo(files.name, len(files.frames.names), height, width, instances, len(files.masks))


def _choose(dataset: Dataset, clip_id: str | int | None, path: Path) -> str:
    clip_ids = dataset.clip_ids
    if not clip_ids:
        raise DataError(f"'{path}' is a dataset without clips")
    some = ", ".join(clip_ids[:5]) + (", ..." if len(clip_ids) > 5 else "")
    if clip_id is None:
        if len(clip_ids) == 1:
            return clip_ids[0]
        raise DataError(f"'{path}' holds {len(clip_ids)} clips; choose one by clip_id: {some}")
    wanted = str(clip_id)
    if wanted in clip_ids:
        return wanted
    # YAML reads an unquoted 0005 as the number 5.
    numbered = [
        known for known in clip_ids if known.isdecimal() and wanted.isdecimal() and int(known) == int(wanted)
    ]
    if len(numbered) == 1:
        return numbered[0]
    hint = did_you_mean(wanted, clip_ids, most=3) or f"; there are {some}"
    raise DataError(f"'{path}' has no clip '{wanted}' among its {len(clip_ids)}{hint}")
