"""Kill a training run repeatedly, resume it each time, and compare it with an uninterrupted run.

    python scripts/kill_test.py --kills 50 --folder /tmp --folder /dev/shm

A small FFN that validates, saves two checkpoints and, every fifth epoch, an analysis, at each epoch, is killed
(SIGKILL) at a random moment and resumed, until the given number of kills; then it finishes. After each
kill, all existing checkpoints and analyses must be complete. In the end weights, optimiser, metrics and
analyses must be bit-identical to those of the uninterrupted run. The kills are divided among the folders; temporary
files go to another of them.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # the children are forked, to save them the imports

import cv2
import numpy as np
import torch

import xinc_lightning.cli.training as training_cli
from xinc_lightning.cli.main import main as xinc
from xinc_lightning.figures import Figure, Renderer, png_now
from xinc_lightning.runs.checkpoint_file import CheckpointFile, read_checkpoint

EPOCHS_PER_KILL = 16
CONFIG = """
name: victim
seed_everything: 1
model: {{class_path: xinc_lightning.modules.FFNModule, init_args: {{target_parameters: 3000}}}}
data: {{path: '{clip}', frames: all, resize: [16, 32], batch_size: null}}
trainer:
  accelerator: cpu
  max_epochs: {epochs}
  check_val_every_n_epoch: 1
  num_sanity_val_steps: 0
  enable_model_summary: false
  default_root_dir: '{runs}'
  logger: {{class_path: xinc_lightning.callbacks.MetricsFile}}
  callbacks:
    - class_path: xinc_lightning.callbacks.Checkpoints
    - class_path: xinc_lightning.callbacks.Progress
    - {{class_path: xinc_lightning.callbacks.Reconstructions, init_args: {{every_n_epochs: 5}}}}
    - {{class_path: xinc_lightning.callbacks.PixelsPerNeuron, init_args: {{layers: [layer3], every_n_epochs: 5}}}}
"""


def main() -> None:
    """Parse the command line; exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--folder", action="append", help="where to train; several are taken in turn")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    folders = options.folder or ["/tmp", "/dev/shm"]
    share = -(-options.kills // len(folders))
    for i, folder in enumerate(folders):
        os.environ["TMPDIR"] = folders[i - 1]
        with tempfile.TemporaryDirectory(dir=folder, prefix="kill-test-") as work:
            survive(Path(work), share, random.Random(options.seed + i))


def survive(work: Path, kills: int, moments: random.Random) -> None:
    """Train once uninterrupted and once with kills in one folder, and compare."""
    clip = work / "clip"
    clip.mkdir()
    for i in range(2):
        picture = cv2.circle(np.full((16, 32, 3), 90, np.uint8), (8 + 8 * i, 8), 4, (230, 30, 200), -1)
        cv2.imwrite(str(clip / f"{i}.png"), picture)
    start = time.perf_counter()
    config = write_config(work, "undisturbed", kills)
    process, _ = train(config)
    if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
        sys.exit("The undisturbed run failed.")
    pace = (time.perf_counter() - start) / kills  # so that it cannot be over before the last kill

    config, run = write_config(work, "killed", kills), work / "killed" / "victim-001"
    last = run / "checkpoints" / "last.ckpt"
    resume: list[str] = []
    reached = []
    for kill in range(kills):
        process, saved = train(config, *resume)
        if moments.random() < 0.8:  # counted in saves, because the machine may be fast or busy
            for _ in range(moments.randint(1, 6)):
                os.read(saved, 1)
            time.sleep(moments.uniform(0, 0.2))
        else:  # perhaps before training continues
            time.sleep(moments.uniform(0, pace))
        os.kill(process, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        os.close(saved)
        if status != -signal.SIGKILL:
            sys.exit(f"Life {kill} ended with {status} before it was killed; {reached} epochs were reached.")
        check_whole(run)
        if last.exists():
            reached.append(read_checkpoint(last)["trained_epochs"])
            resume = ["--ckpt_path", str(last)]
        else:  # killed before the first epoch was over
            shutil.rmtree(work / "killed", ignore_errors=True)
    process, _ = train(config, *resume)
    if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
        sys.exit("The last life failed.")
    if kills > 1 and len(set(reached)) < kills / 2:
        sys.exit(f"Nothing was tested: the kills came after epochs {reached}.")
    compare(run, work / "undisturbed" / "victim-001")
    print(
        f"{work.parent}: {kills} kills survived, after epochs {', '.join(map(str, reached))} of "
        f"{EPOCHS_PER_KILL * kills}; the result is that of the undisturbed run, bit for bit "
        f"({time.perf_counter() - start:.0f} s).",
        flush=True,
    )


def write_config(work: Path, runs: str, kills: int) -> Path:
    """A config whose runs are kept apart."""
    config = work / f"{runs}.yaml"
    epochs = EPOCHS_PER_KILL * kills
    config.write_text(CONFIG.format(clip=work / "clip", epochs=epochs, runs=work / runs))
    return config


def train(config: Path, *more: str) -> tuple[int, int]:
    """Train in a child process; returns its id and a pipe that gets a byte with each checkpoint."""
    saved, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        return child, saved
    code = 1
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        blank = png_now(Figure((1, 1)))
        Renderer.png = lambda self, figure: blank  # type: ignore[method-assign] # rendering takes most of the time
        save = CheckpointFile.save_checkpoint

        def save_and_tell(*arguments: Any, **options: Any) -> None:
            save(*arguments, **options)
            os.write(tell, b"!")

        CheckpointFile.save_checkpoint = save_and_tell  # type: ignore[method-assign]
        xinc(["fit", "--config", str(config), *more])
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        os._exit(code)


def check_whole(run: Path) -> None:
    """Check that all existing checkpoints and analyses are complete."""
    for checkpoint in (run / "checkpoints").glob("*.ckpt"):
        read_checkpoint(checkpoint)
    for path in (run / "analyses").glob("epoch=*/**/*"):
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                _ = [arrays[name] for name in arrays.files]
        elif path.suffix == ".png" and cv2.imread(str(path)) is None:
            sys.exit(f"{path} is not whole.")
    for folder in (run / "analyses").glob("epoch=*"):
        if not (folder / "scalars.json").is_file():
            sys.exit(f"{folder} is not whole.")


def compare(run: Path, undisturbed: Path) -> None:
    """Check that two runs are identical."""
    for key in ("state_dict", "optimizer_states", "lr_schedulers"):
        ours, theirs = (read_checkpoint(r / "checkpoints" / "last.ckpt")[key] for r in (run, undisturbed))
        if not same(ours, theirs):
            sys.exit(f"The runs differ in {key}.")
    ours, theirs = ((r / "metrics.csv").read_text().splitlines() for r in (run, undisturbed))
    for line in range(max(len(ours), len(theirs))):
        if ours[line : line + 1] != theirs[line : line + 1]:
            pair = (ours[line : line + 1], theirs[line : line + 1])
            sys.exit(f"{run.name}'s metrics.csv differs in line {line + 1}: {pair[0]} for {pair[1]}.")
    for folder in ("analyses", "checkpoints"):
        ours, theirs = (
            {str(p.relative_to(r / folder)): p for p in (r / folder).rglob("*")} for r in (run, undisturbed)
        )
        if ours.keys() != theirs.keys():
            sys.exit(f"The runs differ in the files of {folder}: {sorted(ours.keys() ^ theirs.keys())}.")
        for name, path in ours.items():
            if folder == "checkpoints" or path.is_dir() or path.name == "seconds.json":
                continue  # compared above, or a matter of time
            if path.read_bytes() != theirs[name].read_bytes():
                sys.exit(f"The runs differ in {folder}/{name}.")


def same(a: object, b: object) -> bool:
    """Whether two values are bit-identical."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return torch.equal(a, b)
    return a == b


if __name__ == "__main__":
    assert training_cli  # imported for the children
    main()
