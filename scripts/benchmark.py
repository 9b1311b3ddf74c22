"""Speed and memory as ratios measured in one run.

python scripts/benchmark.py train [--networks nerv ffn] [--device cuda] [--rounds 7]
python scripts/benchmark.py looks RUN
python scripts/benchmark.py canvas
python scripts/benchmark.py effects
python scripts/benchmark.py video
"""

import argparse
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from torch import Tensor, nn

from xinc_lightning.data import ClipDataModule
from xinc_lightning.modules import FFNModule, HNeRVModule, INRModule, NeRVModule, SIRENModule
from xinc_lightning.networks import FFN, SIREN, HNeRV, NeRV, pixel_grid
from xinc_lightning.networks.convnext import ConvNeXtEncoder

UNITS = {"nerv": "epochs/s", "hnerv": "epochs/s", "ffn": "steps/s", "siren": "steps/s"}
"""Of the networks that are trained."""


def main() -> None:
    """Run one benchmark."""
    if sys.argv[1:2] == ["canvas"]:
        import benchmark_canvas

        benchmark_canvas.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["effects"]:
        import benchmark_effects

        benchmark_effects.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["looks"]:
        import benchmark_looks

        benchmark_looks.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["video"]:
        import benchmark_video

        benchmark_video.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("canvas", help="the canvas engine: `canvas --help` lists its tables")
    commands.add_parser("effects", help="effects by ablation, against plain convolutions and brute force")
    commands.add_parser("looks", help="what the analyses of a finished run cost, one by one")
    commands.add_parser("video", help="opening video: time and memory")
    train = commands.add_parser("train", help="training: Lightning modules against plain PyTorch loops")
    train.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    train.add_argument("--rounds", type=int, default=7, help="pairs of alternating measurements")
    train.add_argument("--networks", nargs="+", choices=UNITS, default=[*UNITS])
    once = commands.add_parser("once", help="one of the measurements that `train` makes")
    once.add_argument("what", choices=MEASUREMENTS)
    once.add_argument("device")
    arguments = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    if arguments.command == "once":
        print(MEASUREMENTS[arguments.what](torch.device(arguments.device)))
    else:
        benchmark_training(arguments.networks, arguments.device, arguments.rounds)


def benchmark_training(networks: Sequence[str], device: str, rounds: int) -> None:
    """Print epochs per second of NeRV and HNeRV and steps per second of FFN and SIREN, plain and ours, and their ratio.

    Each measurement runs in a separate process, because they would share an allocator otherwise. Plain and ours
    alternate, so that a busy machine slows both equally.
    """
    print(f"{device}, 30 frames of 128×256; medians [quartiles] of {rounds} alternating pairs")
    for network in networks:
        rates: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(rounds):
            for variant, measured in rates.items():
                command = [sys.executable, "-W", "ignore", __file__, "once", f"{variant}_{network}", device]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                measured.append(float(printed.splitlines()[-1]))
        ratios = [ours / plain for plain, ours in zip(rates["plain"], rates["ours"], strict=True)]
        print(
            f"{network:5} {UNITS[network]:9} plain {spread(rates['plain'])}   ours {spread(rates['ours'])}   "
            f"ratio {verdict(ratios)}"
        )


def spread(numbers: Sequence[float]) -> str:
    """Median and quartiles.

    >>> spread([1, 2, 3, 4, 5])
    '3.00 [2.00, 4.00]'
    """
    low, middle, high = quantiles(numbers, n=4, method="inclusive")
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def verdict(ratios: Sequence[float]) -> str:
    """The ratios' median and quartiles, or that they show no difference: where the quartiles are on both sides of 1.

    >>> verdict([1.1, 1.2, 1.3]), verdict([0.8, 1.1, 1.3])
    ('1.20 [1.15, 1.25]', 'not told from 1 [0.95, 1.20]')
    """
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return f"not told from 1 [{low:.2f}, {high:.2f}]" if low <= 1 <= high else spread(ratios)


def epochs(device: torch.device, on_cpu: int, on_cuda: int) -> int:
    """How many to measure."""
    return on_cuda if device.type == "cuda" else on_cpu


class PlainNeRV(nn.Module):
    """The same network in a straightforward implementation: convolution, PixelShuffle, GELU."""

    def __init__(self) -> None:
        super().__init__()
        ours = NeRV()
        self.encoding, self.stem, self.head, self.grid = ours.encoding, ours.stem, ours.head, ours.grid
        blocks = [nn.Sequential(b.conv, nn.PixelShuffle(b.stride), nn.GELU()) for b in ours.blocks]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, t: Tensor) -> Tensor:
        """Render [batch] times as frames."""
        x = nn.functional.gelu(self.stem(self.encoding(t)))
        return (torch.tanh(self.head(self.blocks(x.reshape(len(x), -1, *self.grid)))) + 1) / 2


class PlainHNeRV(nn.Module):
    """The same for an HNeRV of the size of ours, with its encoder."""

    def __init__(self) -> None:
        super().__init__()
        ours = HNeRV(30, channels=91)
        self.encoder = ConvNeXtEncoder(ours.strides)
        blocks = [nn.Sequential(b.conv, nn.PixelShuffle(b.stride), nn.GELU()) for b in ours.blocks]
        self.decoder = nn.Sequential(ours.stem, nn.GELU(), *blocks, ours.head)

    def forward(self, frames: Tensor) -> Tensor:
        """Render [batch, 3, height, width] frames from the embeddings that the encoder makes of them."""
        return (torch.tanh(self.decoder(self.encoder(frames))) + 1) / 2


def plain_nerv(device: torch.device) -> float:
    """Epochs per second of a straightforward loop, see :func:`plain_epochs`."""
    return plain_epochs(PlainNeRV, lambda network, batch, frames: network(batch / len(frames)), device, 12)


def plain_hnerv(device: torch.device) -> float:
    """Likewise."""
    return plain_epochs(PlainHNeRV, lambda network, batch, frames: network(frames[batch]), device, 4)


def plain_epochs(
    make: Callable[[], nn.Module],
    predict: Callable[[nn.Module, Tensor, Tensor], Tensor],
    device: torch.device,
    on_cpu: int,
) -> float:
    """Epochs per second of a straightforward loop: contiguous tensors, batches of 2."""
    torch.manual_seed(0)
    frames = ClipDataModule().clip.frames.contiguous().to(device)
    network = make().to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def epoch() -> None:
        for batch in torch.randperm(len(frames), device=device).split(2):
            step(optimizer, lambda: predict(network, batch, frames), frames[batch])  # noqa: B023

    return rate(epoch, epochs(device, on_cpu, 30), device)


def plain_ffn(device: torch.device) -> float:
    """Steps per second of a straightforward loop, which encodes the grid in every step."""
    return plain_coordinates(FFN, 9e-4, device)


def plain_siren(device: torch.device) -> float:
    """Steps per second of a straightforward loop of the SIREN of the same size as ours."""
    return plain_coordinates(lambda: SIREN(width=103), 1e-4, device)


def plain_coordinates(make: Callable[[], nn.Module], learning_rate: float, device: torch.device) -> float:
    """Steps per second of a straightforward loop of a network of pixel coordinates."""
    torch.manual_seed(0)
    frame = ClipDataModule(frames=[0]).clip.frames[0].to(device)
    network = make().to(device)
    grid = pixel_grid(*frame.shape[1:]).to(device)
    target = frame.permute(1, 2, 0).contiguous()
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    return rate(lambda: step(optimizer, lambda: network(grid), target), epochs(device, 100, 200), device)


def our_nerv(device: torch.device) -> float:
    """Epochs a second of our module."""
    return lightning_rate(NeRVModule(target_bpp=32.55), ClipDataModule(), epochs(device, 12, 30), device)


def our_hnerv(device: torch.device) -> float:
    """Likewise."""
    return lightning_rate(HNeRVModule(target_bpp=32.55), ClipDataModule(), epochs(device, 4, 30), device)


def our_ffn(device: torch.device) -> float:
    """Steps a second of our module."""
    return our_coordinates(FFNModule(target_bpp=32.55), device)


def our_siren(device: torch.device) -> float:
    """Steps a second of our module."""
    return our_coordinates(SIRENModule(target_bpp=32.55), device)


def our_coordinates(module: INRModule, device: torch.device) -> float:
    """Steps a second of our module of one frame."""
    data = ClipDataModule(frames=[0], batch_size=None)
    return lightning_rate(module, data, epochs(device, 100, 200), device)


MEASUREMENTS = {
    **{"plain_nerv": plain_nerv, "ours_nerv": our_nerv},
    **{"plain_hnerv": plain_hnerv, "ours_hnerv": our_hnerv},
    **{"plain_ffn": plain_ffn, "ours_ffn": our_ffn},
    **{"plain_siren": plain_siren, "ours_siren": our_siren},
}


def step(optimizer: torch.optim.Optimizer, predict: Callable[[], Tensor], target: Tensor) -> None:
    """One step of gradient descent on the mean squared error."""
    optimizer.zero_grad()
    nn.functional.mse_loss(predict(), target).backward()
    optimizer.step()


def rate(epoch: Callable[[], None], epochs: int, device: torch.device) -> float:
    """Calls per second, after a warm-up call."""
    times = []
    for _ in range(epochs + 1):
        synchronize(device)
        times.append(time.perf_counter())
        epoch()
    synchronize(device)
    return median_rate([*times[1:], time.perf_counter()])


def median_rate(times: list[float]) -> float:
    """Epochs a second of the median one, from the times between them."""
    return 1 / median(later - earlier for earlier, later in pairwise(times))


class Stopwatch(Callback):
    """When each epoch ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Record the time."""
        synchronize(pl_module.device)
        self.times.append(time.perf_counter())


def lightning_rate(module: Any, data: ClipDataModule, epochs: int, device: torch.device) -> float:
    """Epochs a second of our modules, without logging and validation."""
    seed_everything(0, verbose=False)
    watch = Stopwatch()
    Trainer(
        max_epochs=epochs + 1,
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        logger=False,
        limit_val_batches=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[watch],
    ).fit(module, datamodule=data)
    return median_rate(watch.times)


def synchronize(device: torch.device) -> None:
    """Wait for the device's queue."""
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
