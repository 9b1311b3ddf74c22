"""What changes in a run's folder is noticed, and only what is new is told."""

import json

import pytest

from xinc_lightning.runs.layout import snapshot_name
from xinc_lightning.runs.reader import RunError
from xinc_lightning.server.watch import RunFolders


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "tiny-001"
    folder.mkdir()
    (folder / "config.yaml").write_text("name: tiny\n")
    return folder


def analyse(run, epoch, **scalars):
    folder = run / "analyses" / snapshot_name(epoch)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scalars.json").write_text(json.dumps({"scalars": scalars}))
    (folder / "settings.json").write_text(json.dumps({"clip": {"indices": [3, 4]}}))


def test_a_run_that_has_just_begun_is_followed(run):
    folders = RunFolders([run])
    assert folders.runs[0].snapshots == ()
    assert folders.check() == []
    (run / "metrics.csv").write_text("epoch,step,train/psnr\n1,9,11.5\n")
    (change,) = folders.check()
    assert (change.snapshots, change.curves) == (None, {"train/psnr": ([1.0], [11.5])})
    with (run / "metrics.csv").open("a") as file:
        file.write("2,19,12.5\n")
    (change,) = folders.check()
    assert change.curves == {"train/psnr": ([2.0], [12.5])}
    analyse(run, 2, **{"maps/head/inactive": 0.5})
    (change,) = folders.check()
    assert change.snapshots == (2,)
    assert change.curves == {"maps/head/inactive": ([2], [0.5])}
    assert folders.runs[0].snapshots[0].frames == (3, 4)
    assert folders.check() == []


def test_an_epoch_that_is_analysed_again_is_told_again(run):
    analyse(run, 2)
    analyse(run, 4)
    folders = RunFolders([run])
    (run / "analyses" / "epoch=0002" / "settings.json").unlink()
    analyse(run, 2, **{"maps/head/inactive": 1.0})
    (change,) = folders.check()
    assert change.snapshots == (2,)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(RunError, match="has no analyses"):
        RunFolders([tmp_path])
