"""Segments out of annotations: one name for one object through the whole clip."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    frames: Iterable[Iterable[Annotation]], categories: Mapping[int, Category]
) -> tuple[Segment, ...]:
    """Name every segment of a clip once, whether it stays, leaves or comes back.

    Things are numbered within their category as they appear (``car_0``, ``car_1``, and ``car_crowd_0`` for a
    group annotated as one), stuff has its category's name, because a frame holds no second sky.

    Args:
        frames: annotations of each frame in time order; an object has the same id in all of them.
        categories: by the number used in the annotations.

    Raises:
        DataError: a category is unknown, or an id changes its category.
    """
    segments: dict[int, Segment] = {}
    named: Counter[str] = Counter()
    for annotations in frames:
        for annotation in annotations:
            category = categories.get(annotation.category)
            if category is None:
                raise DataError(
                    f"segment {annotation.id} has category {annotation.category}, which the categories lack"
                )
            if annotation.id not in segments:
                name = category.name + "_crowd" * annotation.iscrowd
                number = named[name]
                named[name] += 1
                numbered = category.isthing or number > 0
                segments[annotation.id] = Segment(
                    annotation.id, f"{name}_{number}" if numbered else name, category.name, category.isthing
                )
            elif segments[annotation.id].category != category.name:
                raise DataError(
                    f"segment {annotation.id} is '{segments[annotation.id].category}' in one frame and "
                    f"'{category.name}' in another; an id must stand for one object through the clip"
                )
    return tuple(segments.values())


def read_categories(entries: Iterable[Any]) -> dict[int, Category]:
    """Categories of a COCO-panoptic JSON, by their id."""
    return {int(entry["id"]): Category(str(entry["name"]), bool(entry["isthing"])) for entry in entries}


def read_annotations(entries: Iterable[Any]) -> tuple[Annotation, ...]:
    """``segments_info`` of one image in a COCO-panoptic JSON."""
    return tuple(
        Annotation(int(entry["id"]), int(entry["category_id"]), bool(entry.get("iscrowd", 0)))
        for entry in entries
    )
