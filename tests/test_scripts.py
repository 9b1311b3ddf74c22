"""The scripts: a smoke run of the paper's experiment, and the W&B workspace for what it logs."""

import contextlib
import importlib.util
import io
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xinc_lightning.analyses import (
    ContributionMapsResult,
    ContributionVsIntensityResult,
    FlowVsFluctuationResult,
    GroupingVarianceResult,
    NeuronClustersResult,
    NeuronsPerPixelResult,
    PixelsPerNeuronResult,
    ThingsAndStuffResult,
)
from xinc_lightning.networks import FFN, SIREN, HNeRV, NeRV
from xinc_lightning.paper import Experiment
from xinc_lightning.paper.fits import train
from xinc_lightning.paper.results import read_trained
from xinc_lightning.runs.reader import read_run
from xinc_lightning.runs.scalar_names import media_name

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.xdist_group("reproduction")  # their runs take a minute to train


def script(name, *args, cwd=ROOT, code=0):
    """Run a script as a user does; returns what it printed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=1500,
        check=False,
    )
    assert done.returncode == code, done.stderr[-3000:]
    return done.stdout + done.stderr


RESULTS = (
    *(ContributionMapsResult, ContributionVsIntensityResult, FlowVsFluctuationResult, GroupingVarianceResult),
    *(NeuronClustersResult, NeuronsPerPixelResult, PixelsPerNeuronResult, ThingsAndStuffResult),
)


def module_of(name):
    """A script as a module, which is in no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reproduction(tmp_path_factory, undrawn_module, in_this_process):
    """The folder of a smoke run with two seeds, and what it printed; the runs' own figures are not drawn."""
    folder = tmp_path_factory.mktemp("paper")
    printed = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        patch.chdir(folder)
        patch.setattr("xinc_lightning.cli.fleet.Pool", lambda workers: in_this_process())
        patch.setattr(sys, "argv", ["reproduce_paper.py", "--fast", "--seeds", "1", "2"])
        module_of("reproduce_paper").main()
    return folder / "reproduction-fast", printed.getvalue()


def runs_in(folder):
    """Folders of the runs: FFN and NeRV of the first seed, then of the second."""
    plan = Experiment("bunny", (None,), (1, 2), folder, fast=True).plan()
    return [run for pair in train(plan, no_engine) for run in pair]


def no_engine():
    raise AssertionError("there is something to train")


def test_every_figure_of_the_paper_is_drawn(reproduction):
    folder, _ = reproduction
    names = {path.stem for path in (folder / "figures").glob("*.png")}
    assert names == {path.stem for path in (folder / "figures").glob("*.pdf")}
    assert {int(re.match(r"figure(\d+)", name)[1]) for name in names} == set(range(3, 20))
    assert {f"figure12_nerv_{layer}" for layer in ("block1", "block2", "block3", "head")} <= names
    for path in (folder / "figures").glob("*.png"):
        assert np.asarray(Image.open(path)).std() > 10, f"{path.name} is empty"


def test_report_has_our_numbers_beside_the_papers(reproduction):
    folder, printed = reproduction
    text = (folder / "report.md").read_text()
    assert "report.md" in printed
    for number in ("34.29", "33.50", "32,971", "978,557", "nearly 50 %", "0.0002", "0.0460"):
        assert number in text
    runs = [read_run(path) for path in runs_in(folder)]
    ffn = np.mean([run.final["psnr"] for run in runs if run.architecture == "FFN"])
    assert f"| FFN | {ffn:.2f} (" in text
    networks = next(run.final["parameters"] / 2 for run in runs if run.architecture == "FFN")
    assert f"| {networks:,.0f} | 32,971 |" in text, "of one frame's network, of which a run has two"
    none, inactive = (
        np.mean(
            [run.snapshots[-1].scalars[f"maps/layer2/{name}"] for run in runs if run.architecture == "FFN"]
        )
        for name in ("no_contribution", "inactive")
    )
    assert f"| FFN layer2 | {none:.1%} | {inactive:.1%} | nearly 50 %" in text
    assert "A smoke run" in text
    assert "of one clip they show the other seeds" in text
    assert "nan" not in text


def test_finished_fits_are_skipped_and_interrupted_ones_go_on(reproduction, in_this_process):
    folder, printed = reproduction
    assert "4 fits in reproduction-fast/runs, 0 are done" in printed
    runs = runs_in(folder)
    assert [run.name.split("-")[:2] for run in runs] == [
        ["ffn", "seed1"],
        ["nerv", "seed1"],
        ["ffn", "seed2"],
        ["nerv", "seed2"],
    ]
    report = (runs[0] / "report.json").read_text()
    (runs[0] / "report.json").unlink()  # as if it had been interrupted before its report
    engine = in_this_process()
    plan = Experiment("bunny", (None,), (1, 2), folder, fast=True).plan()
    assert [run for pair in train(plan, lambda: engine) for run in pair] == runs
    assert [command[-1] for command in engine.commands] == [f"--ckpt_path={runs[0]}/checkpoints/last.ckpt"]
    assert (runs[0] / "report.json").read_text() == report


def test_results_are_as_the_analyses_computed_them(reproduction):
    """What is rebuilt gives the numbers that were logged."""
    trained = read_trained(runs_in(reproduction[0])[1])
    for layer in trained.layers:
        for kind in RESULTS:
            result = trained.result(kind, layer)
            assert result.layer == f"NeRV {layer}"
            for key, value in result.scalars().items():
                assert value == pytest.approx(trained.scalar(layer, f"{kind.analysis}/{key}"), rel=1e-5), (
                    layer,
                    kind.analysis,
                    key,
                )


def test_unknown_clip_is_one_sentence(tmp_path):
    printed = script("reproduce_paper.py", "--data", "nowhere", cwd=tmp_path, code=1)
    assert printed.splitlines()[-1].startswith("xinc: error: 'nowhere' does not exist")
    assert "Traceback" not in printed


@pytest.fixture
def dashboard():
    """The printed specification."""
    pytest.importorskip("wandb_workspaces", reason="the extra `dashboard` is not installed")
    offline = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "WANDB_API_KEY": "",
    }
    command = [
        sys.executable,
        str(ROOT / "scripts" / "wandb_dashboard.py"),
        "--dry-run",
        "--entity",
        "somebody",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=offline, timeout=300, check=True)
    return json.loads(done.stdout)


def of_our_runs(keys):
    """Without the layers that only HNeRV and SIREN have."""
    return {key for key in keys if not re.search(r"/(stem|block[45]|layer[45])(/|$)", key)}


def test_workspace_shows_what_the_runs_log(dashboard, reproduction):
    assert dashboard["entity"] == "somebody"
    section = dashboard["spec"]["section"]
    sections = {one["name"]: one["panels"] for one in section["panelBankConfig"]["sections"]}
    output = "Output layer: NeRV head, HNeRV head, FFN layer3, SIREN layer5"
    assert {"Quality", output, "Contribution maps", "Neurons"} <= set(sections)
    grouping = [key["name"] for key in section["runSets"][0]["grouping"]]
    assert grouping == ["architecture.value", "bpp.value"]
    runs = [read_run(run) for run in runs_in(reproduction[0])]
    scalars = {key for run in runs for key in run.snapshots[-1].scalars}
    scalars |= {
        *("train/psnr", "train/loss", "train/learning_rate"),
        *("val/psnr", "val/ssim"),
        *(f"final/{name}" for run in runs for name in run.final),
    }
    drawn = {
        name
        for panels in sections.values()
        for panel in panels
        for name in panel["config"].get("metrics", [])
    }
    assert of_our_runs(drawn) - scalars == set()
    pictures = {
        media_name(str(path.relative_to(run.snapshots[-1].folder).with_suffix("")), "figure")
        for run in runs
        for path in run.snapshots[-1].folder.rglob("*.png")
    }
    media = {
        key
        for panels in sections.values()
        for panel in panels
        for key in panel["config"].get("mediaKeys", [])
    }
    pages = {
        media_name(path.stem, "page") for run in runs for path in run.snapshots[-1].folder.glob("*.html")
    }
    strips = {key for key in media if key.startswith("strips/")}  # which take more than one checkpoint
    assert of_our_runs(media) - pictures - pages - strips == set()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_dry_run_opens_no_connection(monkeypatch, capsys):
    pytest.importorskip("wandb_workspaces", reason="the extra `dashboard` is not installed")

    def refuse(*_, **__):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(sys, "argv", ["wandb_dashboard.py", "--dry-run"])
    module_of("wandb_dashboard").main()
    assert json.loads(capsys.readouterr().out)["project"] == "xinc_lightning"


def test_the_workspace_has_every_layer_of_the_shipped_networks_once():
    pytest.importorskip("wandb_workspaces", reason="the extra `dashboard` is not installed")
    module = module_of("wandb_dashboard")
    networks = {"NeRV": NeRV(), "HNeRV": HNeRV(30), "FFN": FFN(), "SIREN": SIREN()}
    layers = {
        name: tuple(layer.name for layer in reversed(network.canvas_layers()))
        for name, network in networks.items()
    }
    assert layers == module.LAYERS
    spec = json.dumps(module.specification(module.workspace("me", "p", "n")))
    for layer in {layer for names in layers.values() for layer in names}:
        assert spec.count(f'"maps/{layer}"') == 2, "a title and a key"


def test_workspace_is_updated_where_it_was_made(monkeypatch, tmp_path, capsys):
    ws = pytest.importorskip("wandb_workspaces.workspaces", reason="the extra `dashboard` is not installed")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    module = module_of("wandb_dashboard")
    made, asked = [], []

    class Saved:
        def __init__(self, **given):
            vars(self).update(given)
            self.entity, self.project, self.name = "me", "p", "n"
            self.sections = self.settings = self.runset_settings = None

        def save(self):
            made.append(self)
            self.url = getattr(self, "url", f"https://wandb.ai/me/p?nw={len(made)}")
            return self

    def from_url(url):
        asked.append(url)
        return Saved(url=url)

    monkeypatch.setattr(ws.Workspace, "from_url", from_url)
    assert module.save(Saved(), None) == module.save(Saved(), None) == "https://wandb.ai/me/p?nw=1"
    assert asked == ["https://wandb.ai/me/p?nw=1"]
