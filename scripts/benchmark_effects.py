"""Speed of effects by ablation, compared with the same multiply-adds in plain convolutions and with brute force.

Everything is of the paper's NeRV at one frame of 128×256, and measured in one run.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from benchmark_canvas import best, evenly
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.callbacks import AnalysisContext, Faithfulness, Sink
from xinc_lightning.callbacks.base.isolation import undisturbed
from xinc_lightning.canvas import Canvas, LayerCanvas
from xinc_lightning.canvas.effects import CHUNK_BYTES
from xinc_lightning.data import PanopticClip
from xinc_lightning.modules import NeRVModule
from xinc_lightning.modules.allocator import keep_freed_memory
from xinc_lightning.networks import ConvLayer, NeRV


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="benchmark.py effects", description=__doc__)
    parser.add_argument("--device", default="cpu", help="where to run")
    parser.add_argument("--neurons", type=int, default=256, help="neurons sampled per layer")
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs of each measurement, of which the best counts"
    )
    options = parser.parse_args(argv)
    torch.manual_seed(0)
    if options.device == "cpu":
        keep_freed_memory()  # as in training; without, two fifths of the time are page faults
    network, time_of_frame = NeRV().to(options.device), torch.tensor([0.3])
    canvas, truth = Canvas(network).at(time_of_frame), torch.rand(1, 3, 128, 256, device=options.device)
    print(
        "| layer | neurons | MMAC a neuron | effects (ms) | plain convolutions (ms) | ratio | brute force (ms) "
        "| speed-up | additional memory (MB) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    totals = [0.0, 0.0, 0.0, 0.0]
    for number, (layer, declared) in enumerate(zip(canvas, network.canvas_layers(), strict=True)):
        sample = evenly(layer, options.neurons)
        ours, memory = best(options, partial(layer.effect_sums, truth, sample))
        later = network.canvas_layers()[number:]
        plain, amount = plain_convolutions(layer, later, len(sample))
        floor, _ = best(options, plain)
        brute, _ = best(options, partial(brute_force, network, declared, time_of_frame, truth, sample[:16]))
        each = [1e3 * seconds / len(sample) for seconds in (ours, floor)] + [1e3 * brute / len(sample[:16])]
        print(
            f"| {layer.name} | {layer.neurons:,} | {amount / 1e6:.1f} | {each[0]:.2f} | {each[1]:.2f} | "
            f"{each[0] / each[1]:.2f} | {each[2]:.2f} | {each[2] / each[0]:.1f} | {memory:.0f} |"
        )
        sums = [layer.neurons * value for value in (amount / 1e12, *(ms / 1e3 for ms in each))]
        totals = [total + value for total, value in zip(totals, sums, strict=True)]
    amount, ours, floor, brute = totals
    print(
        f"| all (s; TMAC) | {sum(layer.neurons for layer in canvas):,} | {amount:.2f} | {ours:.0f} | {floor:.0f} | "
        f"{ours / floor:.2f} | {brute:.0f} | {brute / ours:.1f} | |"
    )
    print(f"\nFaithfulness of all layers, 256 neurons each: {one_look(options):.1f} s")


def plain_convolutions(
    layer: LayerCanvas, later: Sequence[ConvLayer], neurons: int
) -> tuple[Callable[[], None], float]:
    """The convolutions that the effects of so many neurons need, and their multiply-adds for one neuron.

    Of the layer itself its kernels, of the next layer one input channel's slice, of later ones all.
    """
    rows, cols = layer.terms.values.shape[2:]
    device = layer.terms.values.device
    chunk = max(1, CHUNK_BYTES // (layer.effect_terms.chain.values * 4))
    work: list[tuple[Tensor, Tensor]] = []
    amount = 0.0
    for number, declared in enumerate(later):
        weight = declared.conv.weight.detach()
        if number == 0:
            weight = weight[:1, :1]
        elif number == 1:
            weight = weight[:, :1]
        values = torch.randn(chunk, weight.shape[1], rows, cols, device=device)
        work.append(
            (
                values.contiguous(memory_format=torch.channels_last),
                weight.contiguous(memory_format=torch.channels_last),
            )
        )
        amount += weight.numel() * rows * cols
        rows, cols = rows * declared.shuffle, cols * declared.shuffle

    def run() -> None:
        with torch.no_grad():
            for start in range(0, neurons, chunk):
                for values, weight in work:
                    F.conv2d(values[: min(chunk, neurons - start)], weight, padding="same")

    return run, amount


@torch.no_grad()
def brute_force(
    network: NeRV, declared: ConvLayer, t: Tensor, truth: Tensor, neurons: Tensor
) -> list[Tensor]:
    """Σ|e|, Σ|e| at each pixel and ΔMSE of these neurons: set each to zero and run the whole network."""
    conv = declared.conv
    assert conv.bias is not None
    picture = network(t)
    error = (picture - truth).square().mean()
    pixels = torch.zeros_like(picture[:, 0])
    found = []
    for i, o in zip(
        (neurons // conv.out_channels).tolist(), (neurons % conv.out_channels).tolist(), strict=True
    ):
        weight, bias = conv.weight[o, i].clone(), conv.bias[o].clone()
        conv.weight[o, i] = 0
        conv.bias[o] -= bias / conv.in_channels
        without = network(t)
        conv.weight[o, i], conv.bias[o] = weight, bias
        sizes = (picture - without).abs().sum(1)
        pixels += sizes
        found.append(torch.stack([sizes.sum(), (without - truth).square().mean() - error]))
    return [torch.stack(found), pixels]


def one_look(options: argparse.Namespace) -> float:
    """Seconds of one look of the callback, its figures left out."""
    clip = PanopticClip("random", torch.rand(2, 3, 128, 256), (), ())
    module = NeRVModule(target_parameters=1_000_000, clip_shape=[2, 128, 256]).to(options.device).eval()
    callback = Faithfulness()
    times = []
    with undisturbed(module), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        for _ in range(options.repeats):
            sink = Sink(Path(folder), [], 0, 0, png=lambda figure: None)  # type: ignore[arg-type, return-value]
            context = AnalysisContext(module, clip, 0, [callback.needs(clip)])
            context.psnr(0)  # of all analyses
            start = time.perf_counter()
            callback.analyse(context, sink)
            times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
