import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.data.errors import DataError
from xinc_lightning.data.frames import select_frames


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ("all", [0, 1, 2, 3, 4]),
        ("0:3", [0, 1, 2]),
        (":2", [0, 1]),
        ("::2", [0, 2, 4]),
        ("-2:", [3, 4]),
        ("1:5:3", [1, 4]),
        (" 4 ", [4]),
        ([0, 3], [0, 3]),
    ],
)
def test_frames_that_can_be_selected(frames, expected):
    assert select_frames(frames, 5) == expected


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ("0:6", "frames '0:6' is out of range: the clip has 5 frames, numbered from 0 to 4"),
        ("-6:", "frames '-6:' is out of range"),
        ("3:3", "frames '3:3' selects nothing"),
        ("::0", "step 0"),
        ("5", "frame 5 is out of range"),
        ([0, 5], "frame 5 is out of range"),
        ([-1], "frame -1 is out of range"),
        ([3, 1], r"must be increasing, each frame once: \[1, 3\]"),
        ([1, 1], r"must be increasing, each frame once: \[1\]"),
        ([], "empty list"),
        ("some", "neither 'all', a slice"),
        ("0-30", "neither 'all', a slice"),
        ("1:2:3:4", "neither 'all', a slice"),
    ],
)
def test_frames_that_cannot(frames, message):
    with pytest.raises(DataError, match=message):
        select_frames(frames, 5)


@given(
    total=st.integers(1, 12),
    start=st.none() | st.integers(-14, 14),
    stop=st.none() | st.integers(-14, 14),
    step=st.none() | st.integers(1, 4),
)
def test_slices_mean_what_they_mean_in_python(total, start, stop, step):
    text = ":".join("" if part is None else str(part) for part in (start, stop, step))
    try:
        assert select_frames(text, total) == list(range(total))[start:stop:step]
    except DataError:
        beyond = any(bound is not None and abs(bound) > total for bound in (start, stop))
        assert beyond or not list(range(total))[start:stop:step]
