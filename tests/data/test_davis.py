import shutil

import numpy as np
import pytest
from PIL import Image

from xinc_lightning.data import DataError, list_clips, load_clip, open_clip


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


def test_a_palette_mask_of_black_and_255_keeps_its_object(davis, painted):
    for t in range(4):
        mask = Image.fromarray((255 * painted.parts(t)["car_0"]).astype(np.uint8), mode="L")
        mask.putpalette([channel for i in range(256) for channel in (i, i, i)])
        mask.save(davis.root / "Annotations" / "480p" / "bear" / f"{t:05d}.png")
    clip = load_clip(open_clip(davis.root, "bear"), crop=None, resize=None)
    assert [segment.name for segment in clip.segments] == ["object_1"]
    np.testing.assert_array_equal(clip.masks[2].numpy() == 1, painted.parts(2)["car_0"])


def test_masks_of_the_unsupervised_challenge(davis, painted):
    (davis.root / "Annotations").rename(davis.root / "Annotations_unsupervised")
    clip = load_clip(open_clip(davis.root, "two cars"), crop=None, resize=None)
    assert len(clip.annotated) == 4
    np.testing.assert_array_equal(clip.masks[1].numpy() == 2, painted.parts(1)["car_1"])


def test_of_two_kinds_of_masks_the_other_can_be_given(davis):
    shutil.copytree(davis.root / "Annotations", davis.root / "Annotations_unsupervised")
    other = davis.root / "Annotations_unsupervised" / "480p" / "bear"
    with pytest.raises(DataError, match="has its own; to use other masks, give one clip's folder of frames"):
        open_clip(davis.root, "bear", masks=other)
    files = open_clip(davis.root / "JPEGImages" / "480p" / "bear", masks=other)
    assert files.masks[0].parent == other


@pytest.fixture
def youtube_vos(davis):
    """As YouTube-VOS: no resolution, every fifth frame, in the first half of the clip no second object yet."""
    for split, clip in (("train", "two cars"), ("valid", "bear")):
        for kind, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
            folder = davis.root.parent / "yt" / split / kind / clip
            folder.parent.mkdir(parents=True)
            shutil.copytree(davis.root / kind / "480p" / clip, folder)
            for t in reversed(range(4)):
                (folder / f"{t:05d}.{suffix}").rename(folder / f"{5 * t:05d}.{suffix}")
    (davis.root.parent / "yt" / "train" / "meta.json").write_text("{}")
    return davis.root.parent / "yt"


def test_youtube_vos(youtube_vos, painted):
    assert [clip.id for clip in list_clips(youtube_vos)] == ["bear", "two cars"]
    assert [clip.id for clip in list_clips(youtube_vos / "train")] == ["two cars"]
    for path in (youtube_vos, youtube_vos / "train"):
        clip = load_clip(open_clip(path, "two cars"), crop=None, resize=None)
        assert len(clip.annotated) == 4
        np.testing.assert_array_equal(clip.masks[3].numpy() == 2, painted.parts(3)["car_1"])


def test_pascal_is_not_mistaken_for_davis(davis):
    folder = davis.root.parent / "VOC"
    shutil.copytree(davis.root / "JPEGImages" / "480p" / "bear", folder / "JPEGImages")
    (folder / "Annotations").mkdir()
    with pytest.raises(
        DataError, match="holds none of 480p, Full-Resolution, 1080p, nor a clip's folder of images"
    ):
        open_clip(folder)
