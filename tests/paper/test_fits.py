"""Which networks are trained, and on what."""

import pytest

from xinc_lightning.paper import Plan
from xinc_lightning.paper.fits import FRAME_ANALYSES
from xinc_lightning.runs.reader import RunError


def callbacks_of(config):
    """Options by name of the callback."""
    return {c["class_path"].rpartition(".")[2]: c["init_args"] for c in config["trainer"]["callbacks"]}


@pytest.fixture
def plan(tiny_clip, tmp_path):
    return Plan(str(tiny_clip), (None,), (7, 8), tmp_path / "out")


def test_both_networks_for_each_seed(plan):
    assert [fit.name for fit in plan.fits] == ["ffn-seed7", "nerv-seed7", "ffn-seed8", "nerv-seed8"]
    several = Plan("data", ("0005", "0025"), (1,), plan.out)
    assert [fit.name for fit in several.fits][::2] == ["ffn-0005-seed1", "ffn-0025-seed1"]


def test_the_papers_recipe_for_the_clip(plan):
    ffn, nerv = (fit.config() for fit in plan.fits[:2])
    assert nerv["data"]["frames"] == "all"
    assert ffn["data"]["frames"] == [0, 5], "a network for every fifth frame"
    assert (ffn["seed_everything"], nerv["trainer"]["max_epochs"]) == (7, 1000)
    assert (nerv["data"]["resize"], nerv["model"]["init_args"]["target_bpp"]) == ([128, 256], 32.55)
    loggers = [logger["class_path"].rpartition(".")[2] for logger in nerv["trainer"]["logger"]]
    assert loggers == ["MetricsFile"]
    options = callbacks_of(nerv)
    assert options["FlowVsFluctuation"]["steps"] == [2, 4]
    assert set(FRAME_ANALYSES) <= set(options)
    for name in FRAME_ANALYSES:
        assert options[name]["frame"] == 0
        assert options[name]["every_n_epochs"] == 1000, "the trained network only"


def test_analyses_are_of_the_first_annotated_frame(plan, monkeypatch):
    """Of a clip of Cityscapes-VPS that is the fifth; an FFN's clip begins there."""
    monkeypatch.setattr("xinc_lightning.data.PanopticClip.annotated", (4, 5))
    ffn, nerv = (fit.config() for fit in plan.fits[:2])
    assert callbacks_of(nerv)["GroupingVariance"]["frame"] == 4
    assert ffn["data"]["frames"] == [4]
    assert callbacks_of(ffn)["GroupingVariance"]["frame"] == 0


def test_unfinished_training_is_no_result(plan, monkeypatch):
    commands = []
    monkeypatch.setattr("xinc_lightning.paper.fits.main", commands.append)
    from xinc_lightning.paper.fits import carry_out

    with pytest.raises(RunError, match="'ffn-seed7' did not finish"):
        carry_out(plan.fits)
    assert commands == [["fit", "--config", str(plan.out / "configs" / "ffn-seed7.yaml")]]
    run = plan.out / "runs" / "ffn-seed7-001"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "last.ckpt").touch()
    (run / "report.json").write_text("{}")
    assert plan.fits[0].run() is None, "of an earlier, shorter training"
    with pytest.raises(RunError):
        carry_out(plan.fits)
    assert commands[1][-2:] == ["--ckpt_path", "last"]
