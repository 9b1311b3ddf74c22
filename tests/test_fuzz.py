"""A few dozen generated configs and files a kind; scripts/fuzz.py tries thousands."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz", ROOT / "scripts" / "fuzz.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("kind", "cases"), [("configs", 25), ("files", 40), ("annotations", 40), ("runs", 12)]
)
def test_generated_input_only_gives_one_line_errors(fuzz, kind, cases, tmp_path):
    fuzz.fuzz(kind, cases, tmp_path, derandomize=True)
    assert sum(count for name, count in fuzz.OUTCOMES.items() if name.startswith(kind)) >= cases


def test_fuzzing_finds_a_planted_bug(fuzz, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "load_clip", lambda *_, **__: {}["missing"])
    with pytest.raises(KeyError):
        fuzz.fuzz("files", 40, tmp_path, derandomize=True)


TOUCHES = {
    "writes": lambda outside: (outside / "new").write_text("x"),
    "appends": lambda outside: (outside / "secret.json").open("a").close(),
    "reads": lambda outside: (outside / "secret.json").read_text(),
    "reads through a link": lambda outside: (outside.parent / "inside" / "link").read_text(),
    "deletes": lambda outside: (outside / "secret.json").unlink(),
    "renames": lambda outside: (outside / "secret.json").rename(outside.parent / "inside" / "x"),
    "makes a folder": lambda outside: (outside / "folder").mkdir(),
    "links": lambda outside: (outside / "link").symlink_to("x"),
    "starts a program": lambda outside: subprocess.run(["true"], check=True),
}


@pytest.mark.parametrize("kind", TOUCHES)
def test_the_hook_sees_what_is_touched_outside_the_folder(fuzz, kind, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.json").write_text("{}")
    (inside / "link").symlink_to(outside / "secret.json")
    watched = sys.modules["fuzz_runs"].nothing_touched_but
    with watched(inside, outside):
        (inside / "own").write_text("x")
        (inside / "own").rename(inside / "other")
    with pytest.raises(AssertionError), watched(inside, outside):
        TOUCHES[kind](outside)


@pytest.mark.parametrize(
    "segments",
    [
        {"segments": 1},
        {"segments": "ab"},
        {"segments": [{"id": float("inf")}]},
        {"segments": {"id": 1}},
        [1],
    ],
)
def test_segments_found_by_fuzzing(fuzz, segments, tmp_path):
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    picture = (tmp_path / "a.png").read_bytes()
    fuzz.OUTCOMES.clear()
    fuzz.try_files([(".png", picture)], [], json.dumps(segments).encode(), tmp_path)
    assert fuzz.OUTCOMES == {"files refused": 1}


@pytest.mark.parametrize("content", [b"[" * 100_000, b"1" * 10_000, b"\xff", b"", b'{"categories": NaN}'])
def test_unreadable_json(fuzz, content, tmp_path):
    fuzz.OUTCOMES.clear()
    fuzz.try_annotations(content, tmp_path)
    assert fuzz.OUTCOMES == {"annotations refused": 1}


@pytest.mark.parametrize(
    "part", [{"data": None}, {"trainer": None}, {"model": None}, {"data": 3}, {"trainer": {"callbacks": 1}}]
)
def test_configs_found_by_fuzzing(fuzz, part, tmp_path):
    pictures = fuzz.clip_folder(tmp_path)
    model = {"class_path": "NeRVModule", "init_args": {"target_bpp": 600.0}}
    sound = {"model": model, "data": {"path": str(pictures)}, "trainer": {"logger": False}}
    fuzz.OUTCOMES.clear()
    fuzz.try_config(json.dumps({**sound, **part}), tmp_path)
    assert fuzz.OUTCOMES == {"configs refused": 1}
