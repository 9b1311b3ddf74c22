"""Which networks are trained, and on what."""

import pytest

from xinc_lightning.paper import Experiment
from xinc_lightning.paper.fits import FRAME_ANALYSES, train
from xinc_lightning.runs.reader import RunError


def callbacks_of(config):
    """Options by name of the callback."""
    return {c["class_path"].rpartition(".")[2]: c["init_args"] for c in config["trainer"]["callbacks"]}


@pytest.fixture
def experiment(tiny_clip, tmp_path):
    return Experiment(str(tiny_clip), (None,), (7, 8), tmp_path / "out")


def test_both_networks_for_each_seed(experiment):
    names = [cell.name.rpartition("-")[0] for cell in experiment.plan().cells]
    assert names == ["ffn-seed7", "ffn-seed8", "nerv-seed7", "nerv-seed8"]


def test_clips_of_a_dataset_have_configs_of_their_own(experiment, monkeypatch):
    monkeypatch.setattr(Experiment, "config", lambda self, architecture, clip: {"data": {"clip_id": clip}})
    several = Experiment("data", ("0005", "0025"), (1,), experiment.out)
    names = [cell.name.rpartition("-")[0] for cell in several.plan().cells]
    assert names == ["ffn-0005-seed1", "nerv-0005-seed1", "ffn-0025-seed1", "nerv-0025-seed1"]
    assert "0025" in (experiment.out / "configs" / "0025" / "nerv.yaml").read_text()


def test_the_papers_recipe_for_the_clip(experiment):
    ffn, nerv = (experiment.config(architecture, None) for architecture in ("ffn", "nerv"))
    assert nerv["data"]["frames"] == "all"
    assert ffn["data"]["frames"] == [0, 5], "a network for every fifth frame"
    assert nerv["trainer"]["max_epochs"] == 1000
    assert (nerv["data"]["resize"], nerv["model"]["init_args"]["target_bpp"]) == ([128, 256], 32.55)
    loggers = [logger["class_path"].rpartition(".")[2] for logger in nerv["trainer"]["logger"]]
    assert loggers == ["MetricsFile"]
    options = callbacks_of(nerv)
    assert options["FlowVsFluctuation"]["steps"] == [2, 4]
    assert set(FRAME_ANALYSES) <= set(options)
    for name in FRAME_ANALYSES:
        assert options[name]["frame"] == 0
        assert options[name]["every_n_epochs"] == 1000, "the trained network only"


def test_analyses_are_of_the_first_annotated_frame(experiment, monkeypatch):
    """Of a clip of Cityscapes-VPS that is the fifth; an FFN's clip begins there."""
    monkeypatch.setattr("xinc_lightning.data.PanopticClip.annotated", (4, 5))
    ffn, nerv = (experiment.config(architecture, None) for architecture in ("ffn", "nerv"))
    assert callbacks_of(nerv)["GroupingVariance"]["frame"] == 4
    assert ffn["data"]["frames"] == [4]
    assert callbacks_of(ffn)["GroupingVariance"]["frame"] == 0


class Failing:
    """An engine none of whose fits ends well."""

    def __init__(self):
        self.cells = []

    @property
    def busy(self):
        return bool(self.cells)

    def submit(self, cells):
        self.cells = [*cells]

    def wait(self, seconds):
        return [(self.cells.pop(0), 1)]

    def stop(self, at_once=False):
        raise AssertionError("nobody asked")

    def close(self):
        assert not self.cells


def test_unfinished_training_is_no_result(experiment, monkeypatch):
    monkeypatch.setattr("xinc_lightning.cli.fleet_check.check_cells", lambda cells: None)
    with pytest.raises(RunError, match=r"'ffn-seed7-\w+' did not finish: it ended with exit code 1"):
        train(experiment.plan(), Failing)
