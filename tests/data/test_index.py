import io
import json
import os

import pytest
import rich

from xinc_lightning.data import DataError, open_clip
from xinc_lightning.data import index as index_module
from xinc_lightning.data.index import ClipIndex


def split(content):
    return content["shared"], content["clips"]


CONTENT = {"shared": ["é"], "clips": {"a": [1, {"ü": 2}], "b": [], "c ✓": "text"}}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "annotations ✓.json"
    file.write_text(json.dumps(CONTENT, ensure_ascii=False), encoding="utf-8")
    return file


@pytest.fixture
def parsed(monkeypatch):
    """Which files were parsed whole."""
    calls = []
    original = index_module.read_json
    monkeypatch.setattr(
        index_module, "read_json", lambda file, *how: calls.append(file) or original(file, *how)
    )
    return calls


def contents(index):
    return {clip_id: index.entry(clip_id) for clip_id in index.clip_ids}


def test_parsed_once(path, parsed, cache_folder):
    for _ in range(3):
        index = ClipIndex(path, split)
        assert index.shared == CONTENT["shared"]
        assert contents(index) == CONTENT["clips"]
    assert len(parsed) == 1
    assert len(list(cache_folder.iterdir())) == 1


def test_a_changed_file_is_parsed_again(path, parsed, cache_folder):
    ClipIndex(path, split)
    path.write_text(json.dumps(CONTENT | {"clips": {"z": 9}}))
    assert contents(ClipIndex(path, split)) == {"z": 9}
    os.utime(path, ns=(1, 1))
    ClipIndex(path, split)
    assert len(parsed) == 3
    assert len(list(cache_folder.iterdir())) == 1


@pytest.mark.parametrize("damage", [lambda c: c[:-3], lambda c: b"", lambda c: b"[]\n" + c, lambda c: c[40:]])
def test_damaged_cache_is_rebuilt(path, parsed, cache_folder, damage):
    ClipIndex(path, split)
    file = next(cache_folder.iterdir())
    file.write_bytes(damage(file.read_bytes()))
    assert contents(ClipIndex(path, split)) == CONTENT["clips"]
    assert contents(ClipIndex(path, split)) == CONTENT["clips"]
    assert len(parsed) == 2


@pytest.mark.parametrize(
    "damage", [lambda f: f.unlink(), lambda f: f.write_bytes(f.read_bytes()[:-9] + b"x" * 9)]
)
def test_cache_deleted_in_between(path, cache_folder, damage):
    ClipIndex(path, split)
    index = ClipIndex(path, split)
    damage(next(cache_folder.iterdir()))
    assert index.entry("c ✓") == "text"


def test_no_writable_cache_folder(path, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert contents(ClipIndex(path, split)) == CONTENT["clips"]


def test_a_full_disk_leaves_nothing_behind(path, cache_folder, monkeypatch):
    def full(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(index_module.Path, "write_bytes", full)
    assert contents(ClipIndex(path, split)) == CONTENT["clips"]
    assert list(cache_folder.iterdir()) == []


@pytest.mark.parametrize(("limit", "shown"), [(20_000_000, False), (1, True)])
def test_a_large_file_is_announced(path, monkeypatch, limit, shown):
    console = rich.console.Console(file=io.StringIO(), force_terminal=True, width=200)
    monkeypatch.setattr(rich, "_console", console)
    monkeypatch.setattr(index_module, "LARGE", limit)
    ClipIndex(path, split)
    assert ("Reading annotations" in console.file.getvalue()) == shown


def test_two_files_of_one_name_do_not_share_a_cache(path, tmp_path):
    other = tmp_path / "elsewhere" / path.name
    other.parent.mkdir()
    other.write_text(json.dumps(CONTENT | {"clips": {"other": 1}}))
    ClipIndex(path, split)
    assert ClipIndex(other, split).clip_ids == ["other"]
    assert ClipIndex(path, split).clip_ids == ["a", "b", "c ✓"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"shared": [', "is not complete JSON: .* at line 1"),
        ('{"shared": 1}', "is JSON but not laid out as .*'clips'"),
        ("[1]", "is JSON but not laid out as"),
        ("null", "is JSON but not laid out as"),
        ("", "is not complete JSON"),
    ],
)
def test_invalid_file(path, cache_folder, content, message):
    path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        ClipIndex(path, split)
    assert str(path) in str(caught.value)
    assert not cache_folder.exists()  # nothing half-written


def test_datasets_are_cached(vipseg, parsed):
    for clip_id in ("0_wHBO8eMSsgo", "1053_Zl-ÿ0", "0_wHBO8eMSsgo"):
        open_clip(vipseg.root, clip_id)
    assert len(parsed) == 1
