import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from xinc_lightning.data import list_clips, load_clip, open_clip
from xinc_lightning.data.errors import DataError
from xinc_lightning.data.image_files import ImageFiles, ImageStack, in_natural_order


def test_images_are_in_natural_order(tmp_path, save_image, painted):
    for name in ("frame_10.png", "frame_2.png", "frame_1.JPG", ".hidden.png"):
        save_image(tmp_path / name, painted.picture(0))
    (tmp_path / "notes.txt").write_text("")
    assert ImageFiles.in_folder(tmp_path).names == ["frame_1", "frame_2", "frame_10"]


@given(st.lists(st.text(st.characters(exclude_characters="/\0")), min_size=1))
def test_any_names_can_be_ordered(names):
    paths = [Path(f"a{name}") for name in names]
    assert sorted(in_natural_order(paths)) == sorted(paths)


def test_two_images_of_one_frame(tmp_path, save_image, painted):
    save_image(tmp_path / "1.png", painted.picture(0))
    save_image(tmp_path / "1.jpg", painted.picture(0))
    with pytest.raises(DataError, match=r"1.jpg' and '1.png' are two images of the same frame"):
        ImageFiles.in_folder(tmp_path)


def test_empty_folder(tmp_path):
    with pytest.raises(DataError, match="holds no image"):
        ImageFiles.in_folder(tmp_path)


def test_folder_without_permission(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # the tests may run as root, whom no permission stops
    with pytest.raises(DataError, match="cannot be listed: permission denied"):
        ImageFiles.in_folder(tmp_path)


def test_a_symbolic_link_to_itself(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(DataError, match="it is a symbolic link that leads back to itself"):
        ImageFiles.in_folder(tmp_path).size  # noqa: B018


@pytest.mark.parametrize(
    "names",
    [
        ["frame.png", "frame1.png", "frame2.png", "frame10.png"],
        ["a.png", "a (1).png", "a (2).png", "a (10).png"],
        ["a1.tif", "A2.JPG", "a3.png", "B1.png"],
        ["img-1.png", "img-2.png", "img-10.png"],
        ["1.9.png", "1.10.png", "2.png"],
        ["００１.png", "2.png"],
    ],
)
def test_order(tmp_path, names):
    """As ``ls -v`` has it."""
    shuffled = random.Random(0).sample(names, len(names))
    assert [path.name for path in in_natural_order([tmp_path / name for name in shuffled])] == names


def test_suffix_and_case_do_not_decide(tmp_path):
    for name in ("b2.PNG", "B1.jpg", "b3.bmp", "A9.webp", "Thumbs.db", ".b0.png", "b4.png.txt"):
        if name.rsplit(".")[-1].lower() in ("png", "jpg", "bmp", "webp"):
            Image.new("RGB", (4, 4)).save(tmp_path / name)
        else:
            (tmp_path / name).write_text("junk")
    assert ImageFiles.in_folder(tmp_path).names == ["A9", "B1", "b2", "b3"]


def test_pictures_that_cannot_be_read_are_not_passed_over(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "1.jpg")
    (tmp_path / "1.HEIC").write_bytes(b"the same picture")
    assert ImageFiles.in_folder(tmp_path).names == ["1"]
    (tmp_path / "2.HEIC").write_bytes(b"another")
    with pytest.raises(
        DataError, match=r"2\.HEIC' is a picture that cannot be read here; save it as PNG or JPEG"
    ):
        ImageFiles.in_folder(tmp_path)


def test_a_folder_of_folders_names_one(tmp_path):
    for name in ("bear", "cat"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "0.png")
    with pytest.raises(
        DataError, match=r"holds no image itself, but '.*bear' and 1 more of its folders do; give one"
    ):
        ImageFiles.in_folder(tmp_path)


@pytest.fixture
def stack(tmp_path):
    frames = [Image.new("RGB", (64, 32), (20 * k,) * 3) for k in range(12)]
    frames[0].save(tmp_path / "stack.tif", save_all=True, append_images=frames[1:])
    return tmp_path / "stack.tif"


@pytest.mark.parametrize("name", ["a.webp", "a.tif", "a.png", "a.gif", "a.avif"])
def test_all_frames_of_a_file_are_the_clip(tmp_path, name):
    frames = [Image.new("RGB", (64, 32), (20 * k,) * 3) for k in range(12)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    clip = load_clip(open_clip(tmp_path / name), resize=None)
    np.testing.assert_allclose(clip.frames.mean(dim=(1, 2, 3)) * 255, [20 * k for k in range(12)], atol=3)
    assert load_clip(open_clip(tmp_path / name), "-3::2", resize=None).indices == (9, 11)
    assert list_clips(tmp_path / name)[0].frames == 12


def test_the_only_file_of_a_folder_may_be_a_stack(stack):
    assert len(load_clip(open_clip(stack.parent), resize=None)) == 12


def test_beside_other_files_a_stack_is_refused(stack):
    Image.new("RGB", (64, 32)).save(stack.with_name("single.png"))
    with pytest.raises(DataError, match=r"stack.tif' has 12 frames where one is due"):
        load_clip(open_clip(stack.parent), resize=None)


def test_stack_facts(stack):
    source = ImageStack(stack)
    assert source.size == (32, 64)
    assert source.fps is None
    assert source.names[-1] == "00011"
    assert source.describe(3) == f"frame 3 of '{stack}'"
    assert source.flow_stem(3) == stack.parent / "stack_flow" / "00003"


def test_pages_of_different_sizes_are_one_sentence(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.tif", save_all=True, append_images=[Image.new("L", (8, 9))])
    with pytest.raises(DataError, match=r"frame 1 of '.*a.tif' has 9×8 pixels, but frame 0 of .* has 8×8"):
        load_clip(open_clip(tmp_path / "a.tif"))


def test_animations_keep_their_speed(tmp_path):
    frames = [Image.new("RGB", (8, 8), (k, 0, 0)) for k in range(4)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=50)
    assert open_clip(tmp_path / "a.gif").frames.fps == 20


def test_pictures_without_a_suffix(tmp_path):
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "picture", format="PNG")
    assert len(load_clip(open_clip(tmp_path / "picture"), resize=None)) == 1


def test_crops_are_of_the_upright_picture_and_masks_fit_it(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    picture = Image.new("RGB", (60, 40))
    picture.paste((255, 0, 0), (0, 0, 60, 10))  # red on the right edge when upright
    (tmp_path / "frames").mkdir()
    (tmp_path / "masks").mkdir()
    picture.save(tmp_path / "frames" / "p.png", exif=exif)
    mask = np.zeros((60, 40), np.uint8)
    mask[:, 30:] = 1
    Image.fromarray(mask).save(tmp_path / "masks" / "p.png")
    files = open_clip(tmp_path / "frames", masks=tmp_path / "masks")
    info = list_clips(tmp_path / "frames", tmp_path / "masks")[0]
    assert (info.height, info.width) == (60, 40)
    clip = load_clip(files, crop=[20, 50, 15, 40], resize=None)
    np.testing.assert_array_equal(clip.frames[0, 0].numpy() > 0.5, clip.masks[0].numpy() == 1)
    assert clip.frames[0, 0, :, 15:].min() == 1
