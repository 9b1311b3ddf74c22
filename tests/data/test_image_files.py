from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.data.errors import DataError
from xinc_lightning.data.image_files import ImageFiles, in_natural_order


def test_images_in_the_order_people_count(tmp_path, save_image, painted):
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


def test_a_folder_that_may_not_be_listed(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # the tests may run as root, whom no permission stops
    with pytest.raises(DataError, match="cannot be listed: permission denied"):
        ImageFiles.in_folder(tmp_path)


def test_a_symbolic_link_to_itself(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(DataError, match="it is a symbolic link that leads back to itself"):
        ImageFiles.in_folder(tmp_path).size  # noqa: B018
