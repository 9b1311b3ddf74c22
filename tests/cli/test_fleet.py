"""``xinc fleet`` with tiny FFNs."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.fleet_check import check_cells
from xinc_lightning.cli.main import main
from xinc_lightning.runs.checkpoint_file import read_checkpoint
from xinc_lightning.studies.fleet.plan import read_plan
from xinc_lightning.studies.fleet.state import runs_of

ROOT = Path(__file__).parent.parent.parent
PLAN = """
name: tiny
config: ffn.yaml
set: {{trainer.max_epochs: {epochs}}}
grid:
  seeds: {seeds}
"""


@pytest.fixture
def plan(tiny_configs):
    """Writes a plan of tiny fits."""

    def write(seeds="[1, 2]", epochs=4, more=""):
        Path("plan.yaml").write_text(PLAN.format(seeds=seeds, epochs=epochs) + more)

    write()
    return write


@pytest.fixture
def engine(in_this_process, monkeypatch):
    """Fits one after another in this process, whose commands are kept."""
    made = []
    monkeypatch.setattr(
        "xinc_lightning.cli.fleet.Pool", lambda workers: made.append(in_this_process()) or made[-1]
    )
    return made


def fleet(*args):
    """Exit code of a fleet."""
    try:
        main(["fleet", *args])
    except SystemExit as end:
        return end.code
    return 0


def runs():
    return runs_of(read_plan(Path("plan.yaml"), shipped_configs()))


def test_only_what_is_missing_is_trained(plan, engine, capsys):
    assert fleet("plan.yaml") == 0
    out = capsys.readouterr().out
    assert "tiny: 2 fits in runs/tiny, 0 are done" in out
    assert "all 2 fits are done" in out
    assert len(engine[0].commands) == 2
    first = runs()
    assert all(
        read_checkpoint(run / "checkpoints" / "last.ckpt")["trained_epochs"] == 4 for run in first.values()
    )

    assert fleet("plan.yaml") == 0
    assert len(engine) == 1, "nothing was left to do"

    plan("[2, 3]")  # of a changed plan only what changed
    assert fleet("plan.yaml") == 0
    ((*_, seed, _, _),) = engine[1].commands
    assert seed == "--seed_everything=3"
    assert set(first.values()) & set(runs().values())


def test_an_interrupted_fit_goes_on_from_its_last_checkpoint(plan, engine):
    fleet("plan.yaml")
    run = next(iter(runs().values()))
    (run / "report.json").unlink()
    assert fleet("plan.yaml") == 0
    (command,) = engine[1].commands
    assert command[-1] == f"--ckpt_path={run}/checkpoints/last.ckpt"
    assert (run / "report.json").is_file()


def test_a_fit_that_fails_costs_only_itself(plan, engine, capsys):
    plan(more="  model.init_args.learning_rate: [0.001, 1.0e+300]\n")
    assert fleet("plan.yaml") == 1
    printed = capsys.readouterr()
    failed = [line for line in printed.out.splitlines() if line.startswith("failed: ffn-seed")][-2:]
    assert all("learning_rate1e_300" in line and "finite" in line for line in failed), failed
    assert printed.err.strip().endswith("2 of 4 fits failed; their logs are in 'runs/tiny/logs'.")
    assert sum((run / "report.json").is_file() for run in runs().values()) == 2
    assert fleet("plan.yaml") == 1
    assert len(engine[1].commands) == 2, "those that failed are tried again"


WRONG = [
    ("  trainer.max_epohcs: [3, 4]\n", "there is no option 'trainer.max_epohcs'; did you mean"),
    ("  trainer.max_epochs: [3, many]\n", "trainer.max_epochs must be int or null, got 'many'"),
    ("  model.init_args.learning_rate: [0.001, -1]\n", "learning_rate must be more than 0"),
    ("  data.path: ['ramp', '{clip}']\n", "'ramp' does not exist"),
    ("  data.resize: [[8, 16], [0, 16]]\n", "resize"),
    ("  data.clip_id: [a]\n", "clip_id 'a' chooses among the clips of a dataset"),
    ("  trainer.callbacks: [[]]\n", "trainer.callbacks have no Report"),
]


@pytest.mark.parametrize(("more", "message"), WRONG)
def test_everything_is_checked_before_the_first_fit(plan, engine, capsys, tiny_clip, more, message):
    plan(more=more.format(clip=tiny_clip))
    assert fleet("plan.yaml") in (1, 2)
    assert message in capsys.readouterr().err
    assert not engine
    assert [path.name for path in Path("runs/tiny").iterdir()] == [".lock"]


def test_demo_is_valid(tiny_configs):
    Path("ffn.yaml").unlink()
    check_cells(read_plan(Path("fleet_demo.yaml"), shipped_configs()).cells)


def test_printed_commands_are_the_fits(plan, engine, capsys):
    fleet("plan.yaml", "--commands")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "lightning"
        main(arguments)
    capsys.readouterr()
    assert fleet("plan.yaml") == 0
    assert "2 fits in runs/tiny, 2 are done" in capsys.readouterr().out
    assert fleet("plan.yaml", "--commands") == 0
    assert capsys.readouterr().out == ""
    assert not engine


def test_without_a_plan(tiny_configs, engine, capsys, tiny_clip):
    options = ["--config", "ffn.yaml", "--name", "mine", "--data.path", str(tiny_clip), "--seeds", "1", "2"]
    options += [
        "--set",
        "trainer.max_epochs",
        "2",
        "--set",
        "model.init_args.target_parameters",
        "400",
        "500",
    ]
    assert fleet(*options) == 0
    assert len(engine[0].commands) == 4
    names = sorted(
        path.name.rpartition("-")[0].rpartition("-")[0] for path in Path("runs/mine").glob("ffn-*")
    )
    assert names == [f"ffn-seed{seed}-target_parameters{size}" for seed in (1, 2) for size in (400, 500)]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give a plan, or --config"),
        (["plan.yaml", "--config", "ffn.yaml"], "give a plan, or --config"),
        (["plan.yaml", "--workers", "0"], "must be 1 or more, got '0'"),
        (["nowhere.yaml"], "there is no plan 'nowhere.yaml'"),
        (["--config", "ffn.yaml", "--set", "data.frames"], "--set data.frames needs a value"),
        (["--config", "ffn.yaml", "--set", "data.resize", "[32,"], "--set data.resize: '[32,' is no YAML"),
        (["plan.yaml", "--ray", "auto", "--cpus=-1"], "--cpus: must be more than 0, got '-1'"),
        (["plan.yaml", "--ray", "auto", "--gpus", "nan"], "--gpus: must be 0 or more, got 'nan'"),
    ],
)
def test_what_is_wrong_with_the_options_is_one_line(plan, capsys, args, message):
    assert fleet(*args) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def start(*args):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "xinc_lightning", "fleet", "plan.yaml", *args],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition):
    until = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_ctrl_c_saves_and_says_how_to_go_on(plan):
    """With real processes; while they are at work, no other fleet may be."""
    plan("[1]", epochs=100_000)
    process = start()
    wait_for(lambda: [*Path("runs/tiny").glob("*/checkpoints/last.ckpt")])
    other = start()
    assert other.wait(600) == 1
    assert "another fleet is training the runs in 'runs/tiny'" in other.communicate()[1]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "press again to stop immediately" in err
    assert "stopped; 0 of 1 fits are done. To go on: xinc fleet plan.yaml" in out
    (run,) = runs().values()
    assert 0 < read_checkpoint(run / "checkpoints" / "last.ckpt")["trained_epochs"] < 100_000
