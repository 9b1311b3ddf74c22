import os
import subprocess
import sys
from pathlib import Path

import pytest

from xinc_lightning.data import load_clip, open_clip
from xinc_lightning.data.errors import DataError, existing, plain_name


def test_the_missing_part_of_a_path_is_named(tmp_path):
    (tmp_path / "cityscapes").mkdir()
    with pytest.raises(DataError) as caught:
        existing(tmp_path / "cityscape" / "val" / "img")
    assert "there is no 'cityscape' in" in str(caught.value)
    assert "did you mean 'cityscapes'?" in str(caught.value)


def test_a_path_through_a_file(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(DataError, match="does not exist: there is no 'a"):
        existing(tmp_path / "a" / "b")


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="'here' does not exist"):
        existing(Path("here"))


def test_permission_denied(tmp_path, monkeypatch):
    def refuse(self, **_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)  # the tests may run as root, whom no permission stops
    with pytest.raises(DataError, match="cannot be opened: permission denied"):
        existing(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "0001.png")
    with pytest.raises(DataError, match=r"0001.png' is neither a file nor a folder$"):
        existing(tmp_path / "0001.png")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        load_clip(open_clip(tmp_path), resize=None)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", ".", "", "a/b", "..\\secret", "a\0"])
def test_a_datasets_names_lead_nowhere_else(name):
    with pytest.raises(DataError, match="which leads out of its folder"):
        plain_name(name, Path("a.json"))


def test_names_with_dots_are_names():
    assert plain_name("..a..png", Path("a.json")) == "..a..png"


def test_reading_clips_needs_no_trainer():
    """Notebooks and analyses read clips without the seconds that importing a trainer takes."""
    code = "import sys, xinc_lightning.data as d; d.open_clip; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"lightning", "matplotlib", "wandb", "sklearn", "umap", "skvideo"} & set(loaded)
