"""Run folders as they are, and as bad luck or strangers leave them."""

import io
import json
import math
import os
import zipfile

import numpy as np
import pytest
import yaml

from xinc_lightning.runs.layout import snapshot_folders
from xinc_lightning.runs.reader import RunError, ordered_layers, read_run


@pytest.fixture
def run(tmp_path):
    """Two snapshots of a NeRV, every file there is."""
    folder = tmp_path / "runs" / "nerv-001"
    for epoch in (10, 20):
        snapshot = folder / "analyses" / f"epoch={epoch:04d}"
        (snapshot / "variance").mkdir(parents=True)
        np.savez(
            snapshot / "variance" / "head.npz", dead=np.array([True]), scores=np.array([0.5], np.float32)
        )
        (snapshot / "variance.png").write_bytes(b"")
        (snapshot / "variance" / "head.png").write_bytes(b"")
        scalars = {"xinc/head/variance/median": epoch, "xinc/block1/variance/median": None}
        (snapshot / "scalars.json").write_text(json.dumps({"epoch": epoch, "scalars": scalars}))
        (snapshot / "settings.json").write_text("{}")
    model = {"class_path": "xinc_lightning.modules.NeRVModule", "init_args": {"target_bpp": 32}}
    config = {"seed_everything": 3, "model": model, "data": {"path": "clips/bear", "clip_id": "7"}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "report.json").write_text('{"psnr": 30.5, "bpp": 31.9}')
    (folder / "metrics.csv").write_text(
        "bpp,epoch,step,train/psnr,val/psnr\n31,,0,,\n,1,0,11.5,\n,10,9,12.5,13\n"
    )
    return folder


def snapshot_of(run):
    return run / "analyses" / "epoch=0010"


def test_contents_of_a_run(run):
    found = read_run(run)
    assert (found.name, found.architecture, found.seed, found.clip) == ("nerv-001", "NeRV", "3", "bear 7")
    assert [snapshot.epoch for snapshot in found.snapshots] == [10, 20]
    assert [snapshot.psnr for snapshot in found.snapshots] == [13, 30.5], (
        "validated, and as reported at the end"
    )
    assert found.final == {"psnr": 30.5, "bpp": 31.9}
    assert found.config["model"]["init_args"] == {"target_bpp": 32}
    assert {*found.snapshots[0].figures} == {"variance", "variance/head"}
    assert found.snapshots[0].arrays("variance", "head")["scores"].tolist() == [0.5]
    assert math.isnan(found.snapshots[0].scalars["variance/block1/median"])
    assert found.layers == ("block1", "head")
    assert [*found.problems] == []


def test_metrics_by_completed_epochs(run):
    metrics = read_run(run).metrics
    assert metrics.curves["train/psnr"] == {1: 11.5, 10: 12.5}
    assert metrics.last["bpp"] == 31, "logged before the first epoch"
    assert read_run(run).measured == {1: 11.5, 10: 13}


def test_metrics_of_earlier_parts_come_first(run):
    (run / "metrics-part2.csv").write_text("epoch,step,train/psnr\n2,1,2\n1,1,7\n")
    (run / "metrics-part10.csv").write_text("epoch,step,train/psnr\n3,2,3\n")
    assert read_run(run).metrics.curves["train/psnr"] == {2: 2, 1: 11.5, 3: 3, 10: 12.5}


def test_layers_are_ordered_by_the_network_and_guessed_in_runs_of_before(run):
    scalars = {f"xinc/{name}/a/b": 1.0 for name in ("out", "block10", "block2", "in")}
    for path in run.glob("analyses/*/scalars.json"):
        path.write_text(json.dumps({"scalars": scalars}))
    assert read_run(run).layers == ("block2", "block10", "in", "out")
    settings = {"network": {"layers": ["in", "block2", "block10", "out"]}}
    (snapshot_of(run) / "settings.json").write_text(json.dumps(settings))
    assert read_run(run).layers == ("in", "block2", "block10", "out")
    assert ordered_layers(["b", "head", "late"], ["late", "b"]) == ("late", "b", "head")


def test_a_perfect_reconstruction_is_infinite_not_unknown(run):
    """JSON knows no infinity: report.json has null for it, metrics.csv says which it was."""
    (run / "report.json").write_text('{"psnr": null, "ssim": 1.0}')
    (run / "metrics.csv").write_text("epoch,val/psnr\n20,inf\n")
    found = read_run(run)
    assert found.snapshots[-1].psnr == found.final["psnr"] == math.inf


def test_errors_name_the_nearest(run):
    with pytest.raises(RunError, match=r"there is no run '.*/nerv-01'; did you mean '.*/nerv-001'\?"):
        read_run(run.parent / "nerv-01")
    with pytest.raises(RunError, match=r"has no analyses/epoch=NNNN.*; did you mean '.*/nerv-001'\?"):
        read_run(run.parent)
    with pytest.raises(RunError, match=r"has no analyses/epoch=NNNN.*nerv.yaml's\.$"):
        read_run(run / "analyses" / "epoch=0010")
    with pytest.raises(RunError, match="has no variance of stem"):
        read_run(run).snapshots[0].arrays("variance", "stem")


def test_folders_of_other_names_are_no_snapshots(run):
    for name in (
        "epoch=foo",
        "epoch=",
        "epoch=-1",
        "epoch=" + "9" * 200,
        "epoch=٣",
        ".epoch=0030.unfinished",
    ):
        (run / "analyses" / name).mkdir()
    (run / "analyses" / "epoch=0040").write_text("a file")
    assert [*snapshot_folders(run / "analyses")] == [10, 20]


def bomb() -> bytes:
    """YAML of a few hundred bytes that means 10^9 values."""
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return "\n".join(lines).encode()


def merge_bomb() -> bytes:
    lines = ["a0: &a0 {x: 1}"] + [
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 10)
    ]
    return "\n".join(lines).encode()


RECORDS = [
    b"",
    b"[1]",
    b"3",
    b"null",
    b"{",
    b"\xff\xfe",
    b"\x00",
    b"[" * 100_000,
    b'"' + b"x" * 10_000,
    b"9" * 5000,
]
YAMLS = [
    b"a: [",
    b"!!python/object/apply:os.system [id]",
    b"&a [*a]",
    b"&a {b: *a}",
    bomb(),
    merge_bomb(),
    b"a: *b",
]


@pytest.mark.parametrize("name", ["config.yaml", "report.json", "analyses/epoch=0010/scalars.json"])
@pytest.mark.parametrize("content", RECORDS + YAMLS, ids=lambda content: repr(content[:12]))
def test_damaged_record_does_not_affect_others(run, name, content):
    (run / name).write_bytes(content)
    found = read_run(run)
    if content not in (b"", b"null") or name != "config.yaml":  # an empty YAML file is a sound one
        assert any(name in problem for problem in found.problems), [*found.problems]
    assert all("\n" not in problem and len(problem) < 400 for problem in found.problems)
    assert len(found.snapshots) == 2
    assert found.snapshots[1].scalars["variance/head/median"] == 20


def test_invalid_scalars_are_skipped_and_the_rest_is_kept(run):
    long = 10**400
    (run / "report.json").write_text(
        f'{{"psnr": "good", "ssim": true, "bpp": 8, "x": {long}, "y": {{"z": [1]}}}}'
    )
    (snapshot_of(run) / "scalars.json").write_text('{"scalars": {"a": 1, "b": "\\ud800", "\\ud800": 2}}')
    (run / "config.yaml").write_text(
        "seed_everything: [1]\nmodel: 3\ndata: {path: 7, clip_id: x}\nname: mine\n"
    )
    found = read_run(run)
    assert found.final == {"bpp": 8}
    assert found.snapshots[0].scalars == {"a": 1, "\ud800": 2}
    assert found.config == {"data": {"clip_id": "x"}, "name": "mine"}
    assert (found.seed, found.architecture, found.clip) == ("?", "?", "? x")
    assert [problem.split()[0] for problem in found.problems] == [
        "analyses/epoch=0010/scalars.json",
        "config.yaml",
        "report.json",
    ]


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (b"epoch,val/psnr\n1,\xff\n2,20\n", {2: 20}),
        (b"epoch,val/psnr\n1,text\n2,inf\nnan,5\ninf,5\nx,5\n3", {2: math.inf}),
        (b"epoch,val/psnr\n2,20\n\x00,3\n4,5\n", {2: 20, 4: 5}),
        (b"epoch,val/psnr\n2,20\n3," + b"9" * 200_000 + b"\n", {2: 20}),
        (b"", {}),
        (b"," * 100_000, {}),
        (b"\n\n\n", {}),
        (b"epoch,epoch,val/psnr\n1,2,20,7,7\n", {2: 20}),
    ],
)
def test_damaged_metrics_keep_what_can_be_read(run, content, left):
    (run / "metrics.csv").write_bytes(content)
    assert read_run(run).measured == left


def npy(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + content


def zipped(content: bytes, kind: int = zipfile.ZIP_STORED, name: str = "scores.npy") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def pickled() -> bytes:
    file = io.BytesIO()
    np.savez(file, scores=np.array([{}], dtype=object))
    return file.getvalue()


SOUND = zipped(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", bytes(8)))
CENTRAL = SOUND.index(b"PK\x01\x02")
ARCHIVES = {
    "empty": b"",
    "text": b"PK no",
    "cut": SOUND[:-30],
    "flipped": SOUND.replace(bytes(8), b"\x00\x00\x00\x01" + bytes(4)),
    "method 99": SOUND[: CENTRAL + 10] + b"\x63\x00" + SOUND[CENTRAL + 12 :],
    "bomb": zipped(
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999,)}", bytes(39_999_996)), 8
    ),
    "pickle": pickled(),
    "1e15 values": zipped(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000,)}")),
    "of no size": zipped(npy("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000000,)}")),
    "negative": zipped(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", bytes(8))),
    "fields": zipped(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", bytes(8))),
    "code": zipped(npy("{'descr': exit(), 'fortran_order': False, 'shape': (2,)}", bytes(8))),
    "nested": zipped(npy("{'descr': " + "(" * 3000 + ")" * 3000 + "}", bytes(8))),
    "version": zipped(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", bytes(8), b"\x09\x00")),
    "no array": zipped(b"text"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_damaged_archive_is_reported_and_skipped(run, kind):
    path = snapshot_of(run) / "variance" / "head.npz"
    path.write_bytes(ARCHIVES[kind])
    found = read_run(run)
    assert found.snapshots[0].find_arrays("variance", "head") is None
    assert found.snapshots[1].find_arrays("variance", "head") is not None
    (problem,) = found.problems
    assert problem.startswith("analyses/epoch=0010/variance/head.npz ")
    with pytest.raises(RunError, match="has no variance of head that can be read"):
        found.snapshots[0].arrays("variance", "head")


def test_arrays_are_read_as_numpy_reads_them(run):
    path = snapshot_of(run) / "variance" / "head.npz"
    saved = {
        "numbers": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "words": np.array(["#1", "ünd"]),
        "scalar": np.array(7),
        "none": np.zeros((0, 3), np.uint8),
        "flags": np.array([True, False]),
        "big": np.array([1, 2], ">i2"),
    }
    np.savez(path, **saved)
    found = read_run(run).snapshots[0].arrays("variance", "head")
    with np.load(path) as expected:
        assert found.keys() == {*expected}
        for name, value in found.items():
            np.testing.assert_array_equal(value, expected[name])
            assert value.dtype == expected[name].dtype


def test_nothing_is_read_but_regular_files_of_the_run(run, tmp_path):
    """A FIFO would be waited for, a link could put anybody's secret into a page."""
    secret = tmp_path / "secret.yaml"
    secret.write_text("name: secret\n")
    (run / "config.yaml").unlink()
    (run / "config.yaml").symlink_to(secret)
    (run / "report.json").unlink()
    os.mkfifo(run / "report.json")
    (run / "metrics.csv").unlink()
    (run / "metrics.csv").symlink_to("metrics.csv")
    (snapshot_of(run) / "variance" / "head.npz").unlink()
    (snapshot_of(run) / "variance" / "head.npz").mkdir()
    elsewhere = tmp_path / "elsewhere"
    (run / "analyses" / "epoch=0020").rename(elsewhere)
    (run / "analyses" / "epoch=0020").symlink_to(elsewhere)
    found = read_run(run)
    assert found.config == {}
    assert found.final == {}
    assert [snapshot.epoch for snapshot in found.snapshots] == [10]
    assert found.snapshots[0].find_arrays("variance", "head") is None
    assert "config.yaml is a link that leads out of the run." in found.problems
    assert "report.json is not a regular file." in found.problems
    assert len([*found.problems]) >= 3


def test_a_run_that_is_a_link_itself_is_read(run, tmp_path):
    (tmp_path / "mine").symlink_to(run)
    assert [*read_run(tmp_path / "mine").problems] == []


def test_files_that_are_too_large_are_not_read(run):
    with (run / "report.json").open("r+b") as file:
        file.truncate(1 << 40)  # sparse
    assert "report.json is larger than 8 MB." in read_run(run).problems
