"""Resuming from the best checkpoint, from a folder moved or copied, with other callbacks, with another version."""

import csv
import shutil
from pathlib import Path

import pytest
import torch

from xinc_lightning.cli.main import main
from xinc_lightning.runs.checkpoint_file import read_checkpoint, write_checkpoint

pytestmark = pytest.mark.usefixtures("tiny_configs")

FIT = ["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "4"]
RUN = Path("runs/tiny-001")


def bytes_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def epochs_of(run):
    """Epochs in the order of the table's rows, each once."""
    with (run / "metrics.csv").open() as file:
        return [*dict.fromkeys(int(row["epoch"]) for row in csv.DictReader(file))]


def assert_same_training(run, other):
    one, two = (read_checkpoint(folder / "checkpoints/last.ckpt") for folder in (run, other))
    assert one["trained_epochs"] == two["trained_epochs"] == 4
    for name, weight in one["state_dict"].items():
        assert torch.equal(weight, two["state_dict"][name]), name
    for name in ("lr_schedulers", "optimizer_states"):
        assert str(one[name]) == str(two[name])


@pytest.fixture
def whole():
    """A run of four epochs that keeps the checkpoints of both validations."""
    text = Path("tiny.yaml").read_text()
    text = text.replace(
        "callbacks.Checkpoints", "callbacks.Checkpoints\n      init_args: {save_top_k: 2, monitor: val/psnr}"
    )
    Path("tiny.yaml").write_text(text)
    main(FIT)
    return RUN


def second(run):
    """The checkpoint of epoch 2, which is not the last."""
    (found,) = (run / "checkpoints").glob("best-epoch=0002*.ckpt")
    return str(found)


def test_from_a_best_checkpoint_training_goes_on_where_it_was(whole, tmp_path):
    before = tmp_path / "before"
    shutil.copytree(whole, before)
    main([*FIT, "--ckpt_path", second(whole)])
    assert_same_training(whole, before)
    assert epochs_of(whole) == [1, 2, 3, 4]
    assert (whole / "report.json").read_bytes() == (before / "report.json").read_bytes()
    with (whole / "metrics-part1.csv").open() as file:
        assert {row["epoch"] for row in csv.DictReader(file)} >= {"3", "4"}, "nothing is lost"


def test_best_is_found_by_its_word():
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    main([*FIT, "--ckpt_path", "best"])
    assert [path.name for path in Path("runs").iterdir()] == ["tiny-001"]
    assert epochs_of(RUN) == [1, 2, 3, 4]


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree], ids=["moved", "copied"])
def test_a_run_goes_on_where_it_lies(how, whole, tmp_path):
    before = tmp_path / "before"
    shutil.copytree(whole, before)
    there = tmp_path / "another disk" / "my run"
    there.parent.mkdir()
    how(whole, there)
    original = bytes_of(whole) if whole.exists() else None
    main([*FIT, "--ckpt_path", second(there)])
    assert_same_training(there, before)
    assert (bytes_of(whole) if whole.exists() else None) == original
    assert str(whole) not in (there / "config.yaml").read_text(), "no path of before is kept"
    assert {p.name for p in (there / "checkpoints").iterdir()} == {
        p.name for p in (before / "checkpoints").iterdir()
    }


def test_other_callbacks_leave_the_training_as_it_is(whole, tmp_path):
    """One analysis less, two more, another schedule; the state of the one that is gone is passed over."""
    before = tmp_path / "before"
    shutil.copytree(whole, before)
    text = Path("tiny.yaml").read_text().replace("ContributionMaps", "PixelsPerNeuron")
    text = text.replace("every_n_epochs: 2", "every_n_epochs: 1")
    Path("tiny.yaml").write_text(text)
    main([*FIT, "--ckpt_path", second(whole), "--trainer.callbacks+=NeuronsPerPixel"])
    assert_same_training(whole, before)
    last = whole / "analyses/epoch=0004"
    assert (last / "pixels_per_neuron.png").exists()
    assert (last / "neurons_per_pixel.png").exists()
    assert not (last / "maps").exists()
    assert (whole / "analyses/epoch=0003").is_dir(), "the new schedule holds from here on"


@pytest.mark.parametrize("version", ["2.4.0", "99.1"])
def test_another_version_of_lightning_goes_on(version, whole, tmp_path):
    before = tmp_path / "before"
    shutil.copytree(whole, before)
    path = Path(second(whole))
    checkpoint = read_checkpoint(path)
    checkpoint["pytorch-lightning_version"] = version
    checkpoint["something of a later version"] = {"a": 1}
    write_checkpoint(checkpoint, path)
    main([*FIT, "--ckpt_path", str(path)])
    assert_same_training(whole, before)
