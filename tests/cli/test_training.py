"""What a training run survives: signals, divergence, a full disk, another run beside it; and how it goes on.

It is long because every way in which a run can end is tried on the same small run.
"""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from jsonargparse import Namespace

from xinc_lightning.cli.main import main
from xinc_lightning.cli.training import TrainingCLI
from xinc_lightning.modules import INRModule
from xinc_lightning.runs.checkpoint_file import CheckpointFile, read_checkpoint

ROOT = Path(__file__).parents[2]
EPOCHS = 6
pytestmark = pytest.mark.usefixtures("tiny_configs")


def at_epoch(monkeypatch, epoch, action):
    """Do something at the second step (of an FFN: the only one) of an epoch, counted from 1; once."""
    original = INRModule.on_train_batch_end

    def act(self, outputs, batch, batch_idx):
        last = self.trainer.num_training_batches - 1
        if self.current_epoch + 1 == epoch and batch_idx == min(1, last) and not done:
            done.append(True)
            action()
        original(self, outputs, batch, batch_idx)

    done = []
    monkeypatch.setattr(INRModule, "on_train_batch_end", act)


def stopped(capsys, *args):
    """The exit code of a command that stops, and the last line it prints."""
    with pytest.raises(SystemExit) as stop:
        main(args)
    return stop.value.code, capsys.readouterr().err.strip().splitlines()[-1]


def rows_of(path):
    with Path(path).open() as file:
        return [*csv.DictReader(file)]


def contents(run):
    """Everything a run leaves behind that is to be the same again."""
    checkpoint = read_checkpoint(run / "checkpoints" / "last.ckpt")
    return {
        "weights": checkpoint["state_dict"],
        "optimizer": checkpoint["optimizer_states"],
        "schedule": checkpoint["lr_schedulers"],
        "best": sorted(p.name for p in (run / "checkpoints").iterdir()),
        "metrics": rows_of(run / "metrics.csv"),
        "report": json.loads((run / "report.json").read_text()),
        "analyses": {
            str(p.relative_to(run)): dict(np.load(p)) if p.suffix == ".npz" else p.read_bytes()
            for p in sorted((run / "analyses").rglob("*"))
            if p.is_file() and p.name != "seconds.json"
        },
    }


def assert_same(a, b, where=""):
    """Equal bit for bit."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert [*a] == [*b], where
        for key in a:
            assert_same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}/{i}")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, np.ndarray):
        assert a.tobytes() == b.tobytes(), where
    else:
        assert a == b, where


@pytest.mark.parametrize(
    ("config", "signum", "code", "epoch"),
    [
        ("tiny.yaml", signal.SIGINT, 130, 1),
        ("tiny.yaml", signal.SIGTERM, 143, 4),
        ("ffn.yaml", signal.SIGTERM, 143, 3),
        ("siren.yaml", signal.SIGTERM, 143, 3),
    ],
)
def test_interrupted_run_resumes_to_the_same_result(config, signum, code, epoch, monkeypatch, capsys):
    """Also where no validation has saved a checkpoint yet, in epoch 1."""
    main(["fit", "--config", config])
    with monkeypatch.context() as patch:
        at_epoch(patch, epoch, lambda: os.kill(os.getpid(), signum))
        exit_code, line = stopped(capsys, "fit", "--config", config)
    assert exit_code == code
    name = signal.Signals(signum).name
    command = (
        "lightning fit --config runs/tiny-002/config.yaml --ckpt_path runs/tiny-002/checkpoints/last.ckpt"
    )
    assert line == f"xinc: stopped by {name}. To resume after epoch {epoch}: {command}"
    assert read_checkpoint(Path("runs/tiny-002/checkpoints/last.ckpt"))["trained_epochs"] == epoch
    rows = rows_of("runs/tiny-002/metrics.csv")
    assert rows[-1]["epoch"] == str(epoch)
    main(shlex.split(command)[1:])
    assert sorted(p.name for p in Path("runs").iterdir()) == ["tiny-001", "tiny-002"]
    assert_same(contents(Path("runs/tiny-001")), contents(Path("runs/tiny-002")))
    assert not [*Path("runs/tiny-002").glob("metrics-part*")]


def test_second_signal_stops_at_once_and_keeps_the_previous_checkpoint(monkeypatch, capsys):
    main(["fit", "--config", "tiny.yaml"])

    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        at_epoch(patch, 4, twice)
        code, line = stopped(capsys, "fit", "--config", "tiny.yaml")
    assert code == 130
    assert "To resume after epoch 2: " in line
    main(["fit", "--config", "tiny.yaml", "--ckpt_path", "last"])
    assert_same(contents(Path("runs/tiny-001")), contents(Path("runs/tiny-002")))
    part = rows_of("runs/tiny-002/metrics-part1.csv")
    assert part[-1]["epoch"] == "3", "what comes again is kept aside"


def test_second_signal_while_saving_keeps_the_checkpoint_intact(monkeypatch, capsys):
    fsync, save, impatience = os.fsync, CheckpointFile.save_checkpoint, []

    def impatient(file):
        impatience.append(file)
        os.kill(os.getpid(), signal.SIGINT)
        fsync(file)

    def save_impatiently(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", impatient)
            save(*arguments, **options)

    monkeypatch.setattr(CheckpointFile, "save_checkpoint", save_impatiently)
    at_epoch(monkeypatch, 1, lambda: os.kill(os.getpid(), signal.SIGINT))
    code, line = stopped(capsys, "fit", "--config", "tiny.yaml")
    assert (code, len(impatience)) == (130, 2)
    assert "after epoch 1: " in line
    assert [p.name for p in Path("runs/tiny-001/checkpoints").iterdir()] == ["last.ckpt"]


def test_signal_handlers_are_restored(monkeypatch):
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "1"])
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


def test_test_is_interrupted_with_the_same_exit_code(monkeypatch, capsys):
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "1"])
    monkeypatch.setattr(INRModule, "test_step", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    stop = stopped(capsys, "test", "--config", "tiny.yaml", "--ckpt_path", "last")
    assert stop == (130, "xinc: stopped by SIGINT.")


SLURM = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1", "SLURM_JOB_NAME": "fit", "SLURM_LOCALID": "0"}
SLURM |= {
    "SLURM_PROCID": "0",
    "SLURM_NODEID": "0",
    "SLURM_NODELIST": "localhost",
    "SLURM_NTASKS_PER_NODE": "1",
}


def test_tasks_that_lightning_cannot_use_are_a_hint(monkeypatch, capsys):
    for name, value in {**SLURM, "SLURM_NTASKS": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    code, line = stopped(capsys, "fit", "--config", "tiny.yaml")
    assert code == 1
    assert "HINT: Use `--ntasks-per-node=2` instead." in line
    assert not Path("runs").exists()


FIT = [sys.executable, "-m", "xinc_lightning", "fit", "--config", "tiny.yaml"]
FIT += ["--trainer.callbacks=[Checkpoints,Report]"]
"""A process that draws nothing, which would take most of its time."""


def until_saved(process):
    """Wait until a process, which must not end before, has saved a checkpoint."""
    while not [*Path("runs").glob("*/checkpoints/last.ckpt")]:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)


@pytest.mark.parametrize(
    ("signum", "job"), [(signal.SIGTERM, {}), (signal.SIGHUP, {}), (signal.SIGUSR1, SLURM)]
)
def test_separate_process_stops_on_a_signal(signum, job):
    """SLURM sends the signal of ``--signal`` some time before the job's limit; no requeueing is announced."""
    env = {**os.environ, **job, "PYTHONPATH": str(ROOT)}
    command = [*FIT, "--trainer.max_epochs", "100000"]
    given = signal.signal(signum, signal.SIG_DFL)  # the tests themselves may run under nohup
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    signal.signal(signum, given)
    try:
        until_saved(process)
        process.send_signal(signum)
        output, errors = (text.decode() for text in process.communicate(timeout=120))
    finally:
        process.kill()
    assert process.returncode == 128 + signum
    assert "requeue" not in output + errors
    first, last = errors.strip().splitlines()
    assert first == "xinc: finishing this epoch, then saving a checkpoint; press again to stop immediately."
    assert last.startswith(f"xinc: stopped by {signum.name}. To resume after epoch ")


def test_a_process_under_nohup_outlives_its_terminal():
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        ["nohup", *FIT, "--trainer.max_epochs", "60"],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until_saved(process)
        process.send_signal(signal.SIGHUP)
        errors = process.communicate(timeout=120)[1].decode()
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "stopped by" not in errors
    assert Path("runs/tiny-001/report.json").exists()


def test_same_config_twice_at_once_in_one_folder():
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [subprocess.Popen(FIT, env=env, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(300) for process in processes] == [0, 0]
    assert_same(contents(Path("runs/tiny-001")), contents(Path("runs/tiny-002")))


def test_resuming_a_run_twice_at_once_is_rejected(capsys):
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "1"])
    script = "import sys; from pathlib import Path; from xinc_lightning.runs.folder import lock; "
    script += "lock(Path(sys.argv[1])); print('locked', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", script, "runs/tiny-001"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert other.stdout.readline() == b"locked\n"
    code, line = stopped(capsys, "fit", "--config", "tiny.yaml", "--ckpt_path", "last")
    assert (code, line) == (1, "xinc: error: the run 'runs/tiny-001' is being trained by another process.")
    other.communicate()
    main(["fit", "--config", "tiny.yaml", "--ckpt_path", "last"])
    shutil.rmtree("runs")


@pytest.mark.parametrize("config", ["tiny.yaml", "ffn.yaml"])
def test_divergence_stops_the_run_and_keeps_the_checkpoints(config, monkeypatch, capsys):
    def spoil():
        with torch.no_grad():
            next(modules[-1].network.parameters()).fill_(float("nan"))

    modules = []
    monkeypatch.setattr(INRModule, "on_fit_start", lambda module: modules.append(module))
    at_epoch(monkeypatch, 5, spoil)
    code, line = stopped(capsys, "fit", "--config", config)
    assert code == 1
    rate = {"tiny.yaml": "0.001", "ffn.yaml": "0.0009"}[config]
    assert line.startswith(
        "xinc: error: training diverged: after epoch 5 the weights are not finite. "
        f"A lower model.learning_rate than {rate} may help. To resume after epoch 4: lightning fit "
    )
    run = Path("runs/tiny-001")
    for path in (run / "checkpoints").glob("*.ckpt"):
        assert all(w.isfinite().all() for w in read_checkpoint(path)["state_dict"].values())
    assert not (run / "analyses" / "epoch=0005").exists()


def test_huge_learning_rate_diverges(capsys):
    code, line = stopped(capsys, "fit", "--config", "tiny.yaml", "--model.learning_rate", "1e38")
    assert code == 1
    assert re.search(
        r"training diverged: after epoch \d the weights are not finite\. .* The run has no checkpoint yet",
        line,
    )


FULL = """
import resource, sys
from pathlib import Path
from xinc_lightning.cli.main import main
from xinc_lightning.modules import INRModule

original = INRModule.on_train_epoch_start
def limit(self):
    if self.current_epoch == 3:
        size = Path("runs/tiny-001/checkpoints/last.ckpt").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))
    original(self)
INRModule.on_train_epoch_start = limit
main(["fit", "--config", "tiny.yaml"])
"""


def test_full_disk_keeps_the_previous_checkpoint():
    """A limit on the size of files, set in epoch 4, stands for the disk."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", FULL]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("xinc: error: the run stopped because of a file error: File too large")
    assert "To resume after epoch 2: " in line
    files = sorted(p.name for p in Path("runs/tiny-001/checkpoints").iterdir())
    assert "last.ckpt" in files
    assert not [name for name in files if "unfinished" in name]
    main(["fit", "--config", "tiny.yaml", "--ckpt_path", "last"])
    assert read_checkpoint(Path("runs/tiny-001/checkpoints/last.ckpt"))["trained_epochs"] == EPOCHS


@pytest.mark.parametrize("content", [b"", b"<html>", b"cut", b"flipped"])
def test_damaged_checkpoint_is_one_line_that_names_a_good_one(content, capsys):
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    last = Path("runs/tiny-001/checkpoints/last.ckpt")
    good = last.read_bytes()
    middle = len(good) // 2
    last.write_bytes(
        {
            b"cut": good[:middle],
            b"flipped": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        }.get(content, content)
    )
    capsys.readouterr()
    code, line = stopped(capsys, "fit", "--config", "tiny.yaml", "--ckpt_path", "last")
    (best,) = last.parent.glob("best*")
    assert code == 1
    assert line.startswith(f"xinc: error: '{last}' ")
    assert line.endswith(f"The newest good checkpoint beside it is '{best}'.")
    main(["fit", "--config", "tiny.yaml", "--ckpt_path", str(best)])


def test_unwritable_root_is_one_line(capsys):
    Path("file").write_text("")
    code, line = stopped(capsys, "fit", "--config", "tiny.yaml", "--trainer.default_root_dir", "file/runs")
    assert code == 1
    assert (
        line
        == "xinc: error: trainer.default_root_dir: no run folder can be created in 'file/runs': Not a directory."
    )


def test_failed_fit_leaves_no_folder(capsys):
    code, _ = stopped(capsys, "fit", "--config", "tiny.yaml", "--data.path", "nowhere.mp4")
    assert code == 1
    assert not Path("runs").exists()


def test_fast_dev_run_leaves_nothing():
    fast = ["--trainer.fast_dev_run", "true"]
    main(["fit", "--config", "tiny.yaml", *fast])
    assert not Path("runs").exists()

    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "1"])
    before = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    last = ["--config", "tiny.yaml", "--ckpt_path", "last"]
    writer = "--trainer.callbacks+=xinc_lightning.callbacks.FrameWriter"
    for command in (["fit", *last], ["test", *last], ["validate", *last], ["predict", *last, writer]):
        main([*command, *fast])
        after = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
        assert {**after, Path("runs/tiny-001/.lock"): b""} == before
    assert [path.name for path in Path("runs").iterdir()] == ["tiny-001"]


def test_fast_dev_run_that_fails_leaves_nothing(monkeypatch, capsys):
    monkeypatch.setattr(INRModule, "training_step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["fit", "--config", "tiny.yaml", "--trainer.fast_dev_run", "true"])
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("callbacks", "options", "message"),
    [
        (
            ["PixelsPerNeuron"] * 2,
            [],
            "two PixelsPerNeuron have the same options; remove one, or change its options.",
        ),
        (
            ["ContributionMaps"] * 2,
            [],
            "two ContributionMaps have the same options; remove one, or change its options.",
        ),
        (
            [{"class_path": "Reconstructions", "init_args": {"log_spaced": 3}}],
            ["--trainer.max_epochs", "-1", "--trainer.max_steps", "3"],
            "Reconstructions: log_spaced=3 needs trainer.max_epochs; give epochs instead.",
        ),
    ],
)
def test_invalid_combinations_of_analyses_leave_no_folder(callbacks, options, message, capsys, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    loggers = [{"class_path": f"xinc_lightning.callbacks.{name}"} for name in ("WandbRun", "MetricsFile")]
    Path("odd.yaml").write_text(json.dumps({"trainer": {"callbacks": callbacks, "logger": loggers}}))
    stop = stopped(capsys, "fit", "--config", "tiny.yaml", "--config", "odd.yaml", *options)
    assert stop == (1, f"xinc: error: {message}")
    assert not Path("runs").exists()


def test_a_tilde_in_the_root_is_the_home_folder():
    given = Namespace(trainer=Namespace(default_root_dir="~/runs"))
    assert TrainingCLI._root(given) == Path.home() / "runs"
