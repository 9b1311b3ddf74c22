"""A full disk costs what is written now, never what was there: one line, and nothing half-written."""

import resource
import signal
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest

from xinc_lightning.callbacks import FrameWriter
from xinc_lightning.cli.main import main

FIXTURE = Path(__file__).parent.parent / "fixtures" / "run_of_0_1"
COMMANDS = {
    "report": ["report", "run"],
    "compare": ["compare", "run", "again"],
    "evolution": ["evolution", "run"],
    "umap": ["umap", "run", "again", "--by", "run"],
}


@contextmanager
def files_of_at_most(size):
    """A limit on the size of files stands for the disk; no file of these commands is smaller than its first bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def bytes_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def refused(capsys, args):
    """The line with which a command ends."""
    with pytest.raises(SystemExit) as stop:
        main(args)
    assert stop.value.code == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_earlier_outputs_stay_whole(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("run", "again"):
        copytree(FIXTURE, tmp_path / name)
    main(COMMANDS[command])
    before = bytes_of(tmp_path)
    for size in (0, 2000):
        with files_of_at_most(size):
            line = refused(capsys, COMMANDS[command])
        assert line.startswith(f"xinc: error: {command}: '")
        assert line.endswith("' cannot be written: File too large.")
        assert bytes_of(tmp_path) == before


@pytest.mark.usefixtures("tiny_configs")
@pytest.mark.parametrize("size", [0, 600, 1500])
def test_predict_says_it_and_leaves_no_video_of_no_frames(size, monkeypatch, capsys):
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    original = FrameWriter.write_on_epoch_end

    def limited(*arguments):
        with files_of_at_most(size):
            original(*arguments)

    monkeypatch.setattr(FrameWriter, "write_on_epoch_end", limited)
    writer = ["--trainer.callbacks+=FrameWriter"]
    line = refused(capsys, ["predict", "--config", "tiny.yaml", "--ckpt_path", "last", *writer])
    assert "cannot be written: File too large." in line
    frames = Path("runs/tiny-predict-001/frames")
    assert not (frames / "clip.mp4").exists()
    assert sorted(p.name for p in frames.glob("*")) in ([], [f"{i:05d}.png" for i in range(6)])
