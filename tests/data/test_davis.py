import numpy as np
import pytest

from xinc_lightning.data import DataError, load_clip, open_clip


def test_2017_palette(davis, painted):
    clip = load_clip(open_clip(davis.root, "two cars"), crop=None, resize=None)
    assert [(s.name, s.category, s.isthing) for s in clip.segments] == [
        ("object_1", "object", True),
        ("object_2", "object", True),
    ]
    for t in range(4):
        for part, i in davis.ids.items():
            np.testing.assert_array_equal(clip.masks[t].numpy() == i, painted.parts(t)[part])


def test_2016_grey(davis, painted):
    clip = load_clip(open_clip(davis.root.parent, "bear"), crop=None, resize=None)
    assert [segment.name for segment in clip.segments] == ["object_1"]
    np.testing.assert_array_equal(clip.masks[3].numpy() == 1, painted.parts(3)["car_0"])


def test_frames_without_a_mask_are_not_annotated(davis):
    masks = davis.root / "Annotations" / "480p" / "bear"
    for t in (1, 2, 3):
        (masks / f"{t:05d}.png").unlink()
    assert load_clip(open_clip(davis.root, "bear"), resize=(12, 24)).annotated == (0,)
    (masks / "00000.png").unlink()
    masks.rmdir()
    assert load_clip(open_clip(davis.root, "bear"), resize=(12, 24)).annotated == ()


def test_mask_without_a_frame(davis):
    (davis.root / "JPEGImages" / "480p" / "bear" / "00003.jpg").unlink()
    with pytest.raises(DataError, match=r"mask '.*00003.png' belongs to no frame: .*did you mean"):
        open_clip(davis.root, "bear")


def test_another_resolution(davis):
    for folder in ("JPEGImages", "Annotations"):
        (davis.root / folder / "480p").rename(davis.root / folder / "240p")
    with pytest.raises(DataError, match="holds none of 480p, Full-Resolution, 1080p"):
        open_clip(davis.root, "bear")
