"""``xinc report`` on a run made by hand."""

import json

import pytest
from PIL import Image

from xinc_lightning.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    snapshot = tmp_path / "runs" / "nerv-001" / "analyses" / "epoch=0100"
    snapshot.mkdir(parents=True)
    Image.new("RGB", (40, 20), "teal").save(snapshot / "variance.png")
    (snapshot / "scalars.json").write_text(json.dumps({"epoch": 100, "scalars": {"xinc/head/a/b": 1.5}}))
    return tmp_path / "runs" / "nerv-001"


def error_of(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(["report", *map(str, args)])
    line = capsys.readouterr().err.strip()
    assert "\n" not in line
    return line.removeprefix("xinc: error: "), stop.value.code


def test_writes_a_page_into_the_run(run, capsys):
    main(["report", "runs/nerv-001"])
    assert "<!doctype html>" in (run / "report.html").read_text()
    assert capsys.readouterr().out.startswith("runs/nerv-001/report.html (0.")


def test_writes_it_elsewhere(run):
    main(["report", "runs/nerv-001", "runs/nerv-001", "--out", "pages/both.html"])
    assert (run.parent.parent / "pages" / "both.html").stat().st_size > 10_000


def test_errors_are_one_line(run, capsys):
    text, code = error_of(capsys, "runs/nerv-01")
    assert text == "report: there is no run 'runs/nerv-01'; did you mean 'runs/nerv-001'?"
    assert code == 1
    assert "'runs' has no analyses/epoch=NNNN" in error_of(capsys, "runs")[0]
    assert "did you mean 'runs/nerv-001'?" in error_of(capsys, "runs")[0]
    assert (
        error_of(capsys, "runs/nerv-001", "--out", "runs")[0]
        == "report: 'runs' cannot be written: Is a directory."
    )
    assert error_of(capsys)[1] == 2
    assert error_of(capsys, "runs/nerv-001", "--outt", "x")[1] == 2
