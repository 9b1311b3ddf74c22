"""Speed and memory as ratios measured in one run.

python scripts/benchmark.py train [--device cuda] [--rounds 5]
python scripts/benchmark.py canvas
"""

import argparse
import logging
import time
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from torch import Tensor, nn

from xinc_lightning.data import ClipDataModule
from xinc_lightning.modules import FFNModule, NeRVModule
from xinc_lightning.networks import FFN, NeRV, pixel_grid


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="training: Lightning modules against plain PyTorch loops")
    train.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    train.add_argument(
        "--rounds", type=int, default=5, help="alternating measurements; the best of each counts"
    )
    arguments = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    benchmark_training(arguments.device, arguments.rounds)


def benchmark_training(device: str, rounds: int) -> None:
    """Print epochs a second of NeRV and steps a second of FFN, plain and ours, and their ratio."""
    data = ClipDataModule()
    frames = data.clip.frames.contiguous().to(device)
    nerv_epochs, ffn_steps = (3, 15) if device == "cpu" else (30, 200)
    print(
        f"{device}, {torch.get_num_threads()} threads, 30 frames of 128×256; best of {rounds} alternating rounds"
    )
    compare(
        "NeRV epochs/s",
        nerv_epochs,
        rounds,
        plain=lambda epochs: plain_nerv(frames, epochs),
        ours=lambda epochs: lightning_seconds(NeRVModule(target_bpp=32.55), ClipDataModule(), epochs, device),
    )
    compare(
        "FFN steps/s",
        ffn_steps,
        rounds,
        plain=lambda steps: plain_ffn(frames[0], steps),
        ours=lambda steps: lightning_seconds(
            FFNModule(target_bpp=32.55), ClipDataModule(frames=[0], batch_size=None), steps, device
        ),
    )


def compare(what: str, epochs: int, rounds: int, **variants: Callable[[int], float]) -> None:
    """Measure the variants in turn, so that a busy machine disturbs all alike, and print their best rates."""
    best = dict.fromkeys(variants, float("inf"))
    for _ in range(rounds):
        for name, run in variants.items():
            best[name] = min(best[name], run(epochs))
    rate = {name: epochs / seconds for name, seconds in best.items()}
    print(
        f"{what:14}  plain {rate['plain']:8.2f}   ours {rate['ours']:8.2f}   ratio {rate['ours'] / rate['plain']:.2f}"
    )


def plain_nerv(frames: Tensor, epochs: int) -> float:
    """Seconds for so many epochs of the loop one would write first: contiguous tensors, batches of 2."""
    torch.manual_seed(0)
    network = NeRV().to(frames.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def epoch() -> None:
        for batch in torch.randperm(len(frames), device=frames.device).split(2):
            step(optimizer, lambda: network(batch / len(frames)), frames[batch])  # noqa: B023

    return timed(epoch, epochs, frames.device)


def plain_ffn(frame: Tensor, steps: int) -> float:
    """Seconds for so many full-batch steps of the loop one would write first, encoding in every step."""
    torch.manual_seed(0)
    network = FFN().to(frame.device)
    grid = pixel_grid(*frame.shape[1:]).to(frame.device)
    target = frame.permute(1, 2, 0).contiguous()
    optimizer = torch.optim.Adam(network.parameters(), lr=9e-4)
    return timed(lambda: step(optimizer, lambda: network(grid), target), steps, frame.device)


def step(optimizer: torch.optim.Optimizer, predict: Callable[[], Tensor], target: Tensor) -> None:
    """One step of gradient descent on the mean squared error."""
    optimizer.zero_grad()
    nn.functional.mse_loss(predict(), target).backward()
    optimizer.step()


def timed(epoch: Callable[[], None], epochs: int, device: torch.device) -> float:
    """Seconds for ``epochs`` calls after one that warms up."""
    epoch()
    synchronize(device)
    start = time.perf_counter()
    for _ in range(epochs):
        epoch()
    synchronize(device)
    return time.perf_counter() - start


class Stopwatch(Callback):
    """Seconds from the end of the first epoch to the end of the last."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Start after the epoch that warms up; stop at the last."""
        if trainer.current_epoch == 0:
            synchronize(pl_module.device)
            self.start = time.perf_counter()

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Stop."""
        synchronize(pl_module.device)
        self.seconds = time.perf_counter() - self.start


def lightning_seconds(module: Any, data: ClipDataModule, epochs: int, device: str) -> float:
    """Seconds for so many epochs of our modules, without logging and validation."""
    seed_everything(0, verbose=False)
    watch = Stopwatch()
    Trainer(
        max_epochs=epochs + 1,
        accelerator="gpu" if device == "cuda" else device,
        devices=1,
        logger=False,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[watch],
    ).fit(module, datamodule=data)
    return watch.seconds


def synchronize(device: torch.device) -> None:
    """Wait for the device's queue."""
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
