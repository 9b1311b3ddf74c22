import json
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xinc_lightning.explorer import build_page
from xinc_lightning.runs.reader import read_run

ROOT = Path(__file__).parent.parent.parent


def test_page_is_self_contained(runs):
    page = build_page([read_run(runs.nerv), read_run(runs.ffn)])
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", page)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "default-src 'none'" in page
    for name in ("title", "style", "runs", "snapshots", "script"):
        assert f"<!-- {name} -->" not in page


def test_names_and_problems_cannot_end_a_script(nerv_run):
    run = nerv_run.with_name("<b><script>&")
    nerv_run.rename(run)
    (run / "config.yaml").write_text("name: </script><img src=x>\n")
    page = build_page([read_run(run)])
    assert page.count("</script>") == 4
    assert "<img src" not in page
    assert "<title>XINC · &lt;b>" in page


def test_broken_pictures_and_foreign_arrays_are_named(nerv_run):
    snapshot = nerv_run / "analyses" / "epoch=0010"
    (snapshot / "variance.png").write_bytes(b"nothing")
    np.savez(snapshot / "variance" / "head.npz", neurons=np.arange(3))
    overview = json.loads(
        re.search(r'id="runs">(.*?)</script>', build_page([read_run(nerv_run)]), re.DOTALL)[1]
    )
    named = " ".join(overview[0]["problems"])
    assert "variance.png is no picture" in named
    assert "analyses/epoch=0010/variance/head.npz holds no dead." in named


@pytest.mark.parametrize("cell", [0, -4, 3])
def test_a_wrong_size_of_cells_leaves_the_rest(nerv_run, cell):
    path = nerv_run / "analyses" / "epoch=0020" / "pixels_to_neurons" / "head.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **arrays | {"cell": np.array(cell)})
    run = read_run(nerv_run)
    build_page([run])
    assert any("holds cell below 1" in problem for problem in run.problems) == (cell < 1)


@pytest.mark.parametrize("labels", [None, np.zeros(3, np.int32), np.full((16, 32), np.nan)])
def test_a_frame_with_damaged_labels_is_shown_without_them(nerv_run, labels):
    path = nerv_run / "analyses" / "epoch=0020" / "pixels_to_neurons" / "frame.npz"
    with np.load(path) as saved:
        arrays = dict(saved)
    assert arrays.pop("labels").ndim == 2
    np.savez(path, **arrays, **({} if labels is None else {"labels": labels}))
    page = build_page([read_run(nerv_run)])
    (run,) = json.loads(re.search(r'id="runs">(.*?)</script>', page, re.DOTALL)[1])
    assert run["frame"]["labels"] is None
    assert run["frame"]["picture"]


def test_large_figures_are_made_smaller(nerv_run):
    noise = np.random.default_rng(0).integers(0, 255, (900, 2400, 3), np.uint8)
    Image.fromarray(noise).save(nerv_run / "analyses" / "epoch=0010" / "noise.png")
    small, large = len(build_page([read_run(nerv_run)])), noise.nbytes
    assert small < large


@pytest.mark.slow
def test_the_wheel_holds_the_page(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)], check=False
    )
    assert done.returncode == 0
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {"xinc_lightning/explorer/page/page.html", "xinc_lightning/explorer/page/main.js"} <= set(names)


def test_page_without_runs():
    assert "no runs" in build_page([])


def test_a_run_of_figures_alone(tmp_path):
    snapshot = tmp_path / "run" / "analyses" / "epoch=0003"
    snapshot.mkdir(parents=True)
    Image.new("RGB", (30, 20)).save(snapshot / "some_figure.png")
    page = build_page([read_run(tmp_path / "run")])
    assert "some_figure" in page
    shutil.rmtree(snapshot)


def test_a_figure_higher_than_webp_allows_is_made_smaller(nerv_run):
    """As that of ContributionMaps(neurons: 700) is."""
    Image.new("RGB", (300, 20_000), "teal").save(nerv_run / "analyses" / "epoch=0010" / "tall.png")
    Image.new("RGB", (20_000, 1), "teal").save(nerv_run / "analyses" / "epoch=0010" / "flat.png")
    run = read_run(nerv_run)
    assert build_page([run]).count("data:image/webp") > 10
    assert [*run.problems] == []


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_bomb_is_named_and_left_out(nerv_run, size):
    path = nerv_run / "analyses" / "epoch=0010" / "variance.png"
    content = bytearray(path.read_bytes())
    content[16:24] = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big")
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    path.write_bytes(content)
    run = read_run(nerv_run)
    build_page([run])
    (problem,) = run.problems
    assert problem.startswith("analyses/epoch=0010/variance.png is ")
