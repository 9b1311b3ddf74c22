from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.data import DataError
from xinc_lightning.data.segments import Annotation, Category, name_segments

CATEGORIES = {1: Category("car", True), 2: Category("sky", False), 3: Category("bus", True)}
SOURCE = Path("a.json")


def names(*frames):
    return {segment.id: segment.name for segment in name_segments(frames, CATEGORIES, SOURCE)}


def test_one_name_through_the_clip():
    car, bus, late, sky = Annotation(7, 1), Annotation(70_000, 3), Annotation(3, 1), Annotation(5, 2)
    assert names([car, sky], [sky, bus], [late, sky], [car, sky]) == {
        7: "car_0",
        5: "sky",
        70_000: "bus_0",
        3: "car_1",
    }


def test_groups_are_no_objects():
    assert names([Annotation(1, 1, iscrowd=True), Annotation(2, 1), Annotation(3, 1, iscrowd=True)]) == {
        1: "car_crowd_0",
        2: "car_0",
        3: "car_crowd_1",
    }


def test_second_region_of_stuff_has_its_own_name():
    assert names([Annotation(1, 2), Annotation(2, 2)]) == {1: "sky", 2: "sky_1"}


@given(st.lists(st.lists(st.integers(1, 9), unique=True), max_size=6))
def test_every_id_gets_one_name_and_every_name_one_id(frames):
    found = names(*[[Annotation(i, 1 + i % 3) for i in frame] for frame in frames])
    assert set(found) == {i for frame in frames for i in frame}
    assert len(set(found.values())) == len(found)


def test_id_keeps_its_category():
    with pytest.raises(DataError, match=r"segment 7 in 'a.json' is 'car' in one frame and 'bus' in another"):
        names([Annotation(7, 1)], [Annotation(7, 3)])


def test_unknown_category():
    with pytest.raises(DataError, match=r"segment 7 in 'a.json' has category 9, which is not one of its 3"):
        names([Annotation(7, 9)])
