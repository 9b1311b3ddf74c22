import os
import re

import pytest

from xinc_lightning.data import ClipInfo, DataError, list_clips, load_clip, open_clip


def test_list_cityscapes(cityscapes):
    assert list_clips(cityscapes.root) == [
        ClipInfo(clip, frames=30, height=24, width=48, instances=3, annotated=6) for clip in ("0005", "0010")
    ]


def test_list_vipseg(vipseg):
    assert list_clips(str(vipseg.root)) == [
        ClipInfo("0_wHBO8eMSsgo", frames=3, height=24, width=48, instances=3, annotated=3),
        ClipInfo("1053_Zl-ÿ0", frames=15, height=24, width=48, instances=3, annotated=15),
    ]


def test_list_davis(davis):
    assert list_clips(davis.root) == [
        ClipInfo("bear", frames=4, height=24, width=48, instances=1, annotated=4),
        ClipInfo("two cars", frames=4, height=24, width=48, instances=2, annotated=4),
    ]


def test_list_own_clips(frames_folder):
    assert list_clips(frames_folder) == [ClipInfo("mes vidéos ✓", frames=6, height=24, width=48)]
    assert list_clips("bunny") == [ClipInfo("bunny", 132, 720, 1280, instances=9, annotated=30)]


def test_broken_clip_is_listed_with_the_others(vipseg):
    (vipseg.root / "images" / "0_wHBO8eMSsgo" / "00000000.jpg").unlink()
    broken, whole = list_clips(vipseg.root)
    assert "belongs to no frame" in broken.problem
    assert broken.frames == 0
    assert whole.frames == 15
    assert not whole.problem


def test_nearest_clip_is_suggested(vipseg, davis, cityscapes):
    with pytest.raises(
        DataError, match=re.escape("has no clip '1053_Zl' among its 2; did you mean '1053_Zl-ÿ0'?")
    ):
        open_clip(vipseg.root, "1053_Zl")
    with pytest.raises(DataError, match="has no clip 'zebra' among its 2; there are bear, two cars"):
        open_clip(davis.root, "zebra")
    with pytest.raises(DataError, match="holds 2 clips; choose one by clip_id: 0005, 0010"):
        open_clip(cityscapes.root)


def test_the_only_clip_needs_no_name(davis):
    for folder in ("JPEGImages", "Annotations"):
        clip = davis.root / folder / "480p" / "bear"
        for path in clip.iterdir():
            path.unlink()
        clip.rmdir()
    assert open_clip(davis.root).name == "two cars"


def test_options_that_do_not_go_together(frames_folder, davis):
    with pytest.raises(
        DataError, match=r"clip_id 'bear' chooses among the clips of a dataset, but .* is a single clip"
    ):
        open_clip(frames_folder, "bear")
    with pytest.raises(DataError, match=r"clip_id 'bear' .* but 'bunny' is a single clip"):
        open_clip("bunny", "bear")
    with pytest.raises(DataError, match=r"cannot be used with .*, which has its own"):
        open_clip(davis.root, "bear", masks=frames_folder)
    with pytest.raises(DataError, match=r"cannot be used with 'bunny'"):
        open_clip("bunny", masks=frames_folder)


@pytest.fixture
def nobody():
    """Give up what root may do, for those who run the tests as root."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions work differently here")
@pytest.mark.parametrize("locked", ["", "JPEGImages", "JPEGImages/480p/bear", "Annotations/480p/bear"])
def test_folders_without_permission(davis, locked, request):
    folder = davis.root / locked
    for parent in folder.parents:
        if parent.owner() == davis.root.owner() and str(parent).startswith(str(davis.root.parents[2])):
            parent.chmod(0o755)
    folder.chmod(0)
    request.getfixturevalue("nobody")
    try:
        with pytest.raises(DataError, match="permission denied"):
            load_clip(open_clip(davis.root, "bear"))
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        folder.chmod(0o755)


def test_a_dataset_without_clips(davis):
    images = davis.root / "JPEGImages" / "480p"
    images.rename(davis.root / "elsewhere")
    images.mkdir()
    with pytest.raises(DataError, match="is a dataset without clips"):
        open_clip(davis.root)
    assert list_clips(davis.root) == []


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no image"):
        open_clip(tmp_path / "a")


def test_unprepared_vipseg(vipseg):
    vipseg.annotations.unlink()
    (vipseg.root / "images").rename(vipseg.root / "imgs")
    with pytest.raises(
        DataError, match=r"change2_720p.py and create_panoptic_video_labels.py prepare VIPSeg_720P"
    ):
        open_clip(vipseg.root.parent)
