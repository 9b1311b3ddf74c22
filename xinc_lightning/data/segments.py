"""Segments out of annotations: one name for one object through the whole clip."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinc_lightning.data.clip import Segment
from xinc_lightning.data.errors import DataError


@dataclass(frozen=True)
class Category:
    """What a dataset calls one kind of thing or stuff."""

    name: str
    isthing: bool


@dataclass(frozen=True)
class Annotation:
    """One segment in one frame: what its id in that frame's mask stands for."""

    id: int
    category: int
    iscrowd: bool = False


def name_segments(
    frames: Iterable[Iterable[Annotation]], categories: Mapping[int, Category], source: Path
) -> tuple[Segment, ...]:
    """Name every segment of a clip once, whether it stays, leaves or comes back.

    Things are numbered within their category as they appear (``car_0``, ``car_1``, and ``car_crowd_0`` for a
    group annotated as one), stuff has its category's name, because a frame holds no second sky.

    Args:
        frames: annotations of each frame in time order; an object has the same id in all of them.
        categories: by the number used in the annotations.
        source: where the annotations are from, to be named in errors.

    Raises:
        DataError: a category is unknown, or an id changes its category.
    """
    segments: dict[int, Segment] = {}
    numbers: Counter[str] = Counter()
    for annotation in (annotation for annotations in frames for annotation in annotations):
        category = categories.get(annotation.category)
        if category is None:
            raise DataError(
                f"segment {annotation.id} in '{source}' has category {annotation.category}, which is not "
                f"one of its {len(categories)} categories"
            )
        known = segments.get(annotation.id)
        if known is None:
            name = f"{category.name}_crowd" if annotation.iscrowd else category.name
            number = numbers[name]
            numbers[name] += 1
            numbered = f"{name}_{number}" if category.isthing or number else name
            segments[annotation.id] = Segment(annotation.id, numbered, category.name, category.isthing)
        elif known.category != category.name:
            raise DataError(
                f"segment {annotation.id} in '{source}' is '{known.category}' in one frame and "
                f"'{category.name}' in another; an id must stand for one object through the clip"
            )
    return tuple(segments.values())


def read_categories(entries: Any, source: Path) -> dict[int, Category]:
    """Categories of a COCO-panoptic JSON file, by their id.

    Raises:
        DataError: an entry lacks what it needs.
    """
    try:
        return {int(entry["id"]): Category(str(entry["name"]), bool(entry["isthing"])) for entry in entries}
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise DataError(f"a category in '{source}' lacks 'id', 'name' or 'isthing': {error!r}") from None


def read_annotations(entries: Any, source: Path) -> tuple[Annotation, ...]:
    """``segments_info`` of one image in a COCO-panoptic JSON file.

    Raises:
        DataError: an entry lacks what it needs.
    """
    try:
        return tuple(
            Annotation(int(entry["id"]), int(entry["category_id"]), bool(entry.get("iscrowd", 0)))
            for entry in entries
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise DataError(f"a segment in '{source}' lacks 'id' or 'category_id': {error!r}") from None
