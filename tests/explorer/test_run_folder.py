import numpy as np
import pytest

from xinc_lightning.explorer import ReportError, read_run


def test_what_a_run_holds(runs):
    run = read_run(runs.nerv)
    assert (run.name, [look.epoch for look in run.looks]) == ("nerv", [10, 20])
    assert run.report == {"psnr": 30.5, "bpp": 31.9}
    assert run.config == {"seed_everything": "0", "model.class_path": "xinc_lightning.modules.NeRVModule"}
    assert "variance" in run.looks[0].figures
    assert "maps/head" in run.looks[0].figures
    assert run.problems == []


def test_curves_by_completed_epochs(runs):
    curves = read_run(runs.nerv).curves
    assert curves["train/psnr"] == ([1, 10], [11.5, 12.5])
    assert curves["xinc/head/maps/dead_fraction"][0] == [10, 20]
    assert "xinc/head/x/y" not in curves  # the looks' own numbers count


def test_metrics_of_earlier_parts_come_first(nerv_run):
    (nerv_run / "metrics-part2.csv").write_text("epoch,step,train/psnr\n2,1,2\n")
    (nerv_run / "metrics-part10.csv").write_text("epoch,step,train/psnr\n3,2,3\n")
    assert read_run(nerv_run).curves["train/psnr"] == ([2, 3, 1, 10], [2, 3, 11.5, 12.5])


def test_broken_files_are_named_and_skipped(nerv_run):
    look = nerv_run / "analyses" / "epoch=0010"
    (look / "scalars.json").write_text("{")
    (look / "variance" / "head.npz").write_bytes(b"PK no")
    (nerv_run / "report.json").write_text("[1]")
    (nerv_run / "config.yaml").write_text("a: [")
    (nerv_run / "metrics.csv").write_bytes(b"epoch,x\n1,\xff\n")
    run = read_run(nerv_run)
    assert run.arrays(run.looks[0], "variance/head") is None
    assert run.arrays(run.looks[0], "variance/nothing") is None
    named = " ".join(run.problems)
    for file in ("scalars.json", "config.yaml", "metrics.csv", "variance/head.npz"):
        assert file in named
    assert run.report == {}


def test_arrays_that_need_pickle_are_refused(nerv_run):
    path = nerv_run / "analyses" / "epoch=0010" / "variance" / "head.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    run = read_run(nerv_run)
    assert dict(run.arrays(run.looks[0], "variance/head") or {}) == {}
    assert "head.npz cannot be read" in run.problems[0]


def test_errors_name_the_nearest(runs, tmp_path):
    with pytest.raises(ReportError, match=r"there is no run folder '.*nevr'; did you mean '.*nerv'\?"):
        read_run(runs.nerv.parent / "nevr")
    with pytest.raises(ReportError, match=r"has no analyses/epoch=NNNN.*did you mean '.*'\?"):
        read_run(runs.nerv.parent)
    with pytest.raises(ReportError, match="has no analyses"):
        read_run(tmp_path)
