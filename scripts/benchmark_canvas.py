"""Speed of the canvas engine, compared with a lower bound and with a naive implementation, measured in one run."""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from xinc_lightning.canvas import Canvas, LayerCanvas, TracedCanvas
from xinc_lightning.networks import NeRV

THRESHOLDS = (0.1, 0.5)
CLUSTERS = 32
PARTITIONS = 5


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="benchmark.py canvas", description=__doc__)
    parser.add_argument(
        "what", choices=("layers", "naive", "parts", "sizes", "shifts"), help="which table to make"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs of each measurement, of which the best counts"
    )
    parser.add_argument("--device", default="cpu", help="where to run")
    parser.add_argument(
        "--neurons", type=int, default=2048, help="neurons sampled per layer for `sizes`, `shifts`"
    )
    options = parser.parse_args(argv)
    torch.manual_seed(0)
    canvas = paint(128, 256, options.device)
    canvas["head"].reduce(partitions(canvas["head"]), neurons=[0])  # compiles, or loads what was compiled
    tables = {
        "layers": by_layer,
        "naive": against_naive,
        "parts": by_part,
        "sizes": by_size,
        "shifts": with_shifts,
    }
    tables[options.what](canvas, options)


def paint(height: int, width: int, device: str) -> TracedCanvas:
    """The canvas of the paper's NeRV (978,557 parameters at 128×256) at one frame."""
    return Canvas(NeRV(height, width).to(device)).at(torch.tensor([0.3]))


def partitions(layer: LayerCanvas, copies: int = 1) -> dict[str, Tensor]:
    """Random blobs of pixels, and shifted copies of them."""
    height, width = layer.shape
    generator = torch.Generator().manual_seed(0)
    labels = {}
    for p in range(PARTITIONS):
        seeds = torch.randint(CLUSTERS, (height // 8 + 1, width // 8 + 1), generator=generator)
        blobs = seeds.repeat_interleave(8, 0).repeat_interleave(8, 1)[:height, :width]
        for copy in range(copies):
            labels[f"{p}.{copy}"] = blobs.roll((7 * copy, 13 * copy), (0, 1))
    return labels


def by_layer(canvas: TracedCanvas, options: argparse.Namespace) -> None:
    """All maps of the paper's NeRV with all reductions, compared with one pass that only computes the maps."""
    print(
        "| layer | neurons | maps only (s) | all reductions (s) | ratio | ns / value | additional memory (MB) |"
    )
    print("|---|---|---|---|---|---|---|")
    total = [0.0, 0.0]
    for layer in reversed(list(canvas)):
        form = best(options, partial(form_only, layer))[0]
        full, memory = best(options, partial(layer.reduce, partitions(layer), THRESHOLDS))
        values = layer.neurons * layer.shape[0] * layer.shape[1]
        print(
            f"| {layer.name} | {layer.neurons:,} | {form:.2f} | {full:.2f} | {full / form:.1f} | "
            f"{full / values * 1e9:.2f} | {memory:.0f} |"
        )
        total = [total[0] + form, total[1] + full]
    neurons = sum(layer.neurons for layer in canvas)
    print(f"| all | {neurons:,} | {total[0]:.2f} | {total[1]:.2f} | {total[1] / total[0]:.1f} | | |")


def form_only(layer: LayerCanvas) -> None:
    """One pass that computes every value without reducing it: the lower bound of one pass."""
    from xinc_lightning.canvas.fused import FusedSweep

    with torch.no_grad():
        sweep = FusedSweep(layer.terms, layer.select(None), 2**26)
        with sweep.settings():
            sweep.refinement(sweep.chunks(), torch.zeros(0, 1, dtype=torch.long), iter)


def by_part(canvas: TracedCanvas, options: argparse.Namespace) -> None:
    """Time of each kernel per value, on one core with a row of values in cache."""
    import numpy as np

    from xinc_lightning.canvas import kernels

    lanes, width, rows = 64, 256, 512
    generator = np.random.default_rng(0)
    row = np.abs(generator.normal(size=(width, lanes))).astype(np.float32)
    totals = np.zeros((4, lanes))
    extremes = np.zeros((2, lanes), np.float32)
    labels = generator.integers(0, CLUSTERS, (width, PARTITIONS)) + CLUSTERS * np.arange(PARTITIONS)
    clusters = np.zeros((CLUSTERS * PARTITIONS, lanes), np.float32)
    packed, per_pixel, scratch = np.zeros(1 << 16, np.int64), np.zeros((2, width)), extremes.copy()
    labels = labels.astype(np.uint32)
    parts: dict[str, Callable[[], object]] = {
        "Σ, min and max per neuron": lambda: kernels.sum_row(
            row, totals[0], totals[1], extremes[0], extremes[1], scratch, lanes
        ),
        "Σ and entropy per pixel": lambda: kernels.sum_pixels(row, per_pixel[0], per_pixel[1], lanes),
        "Σ per cluster, 5 partitions": lambda: kernels.sum_clusters(row, labels, clusters, lanes),
        "histogram for τ": lambda: kernels.count_bins(row, packed, lanes),
    }
    print("| part | ns / value on one core |")
    print("|---|---|")
    for name, part in parts.items():
        part()
        seconds, _ = best(options, partial(_repeat, part, rows))
        print(f"| {name} | {seconds / (rows * row.size) * 1e9:.2f} |")


def against_naive(canvas: TracedCanvas, options: argparse.Namespace) -> None:
    """Head and block 3 with all reductions, ours and materialise-then-reduce."""
    print("| layer | naive (s) | ours (s) | speed-up | naive memory (MB) | our memory (MB) |")
    print("|---|---|---|---|---|---|")
    total = [0.0, 0.0]
    for layer in (canvas["head"], canvas["block3"]):
        labels = partitions(layer)
        ours, memory = best(options, partial(layer.reduce, labels, THRESHOLDS))
        theirs, much = best(options, partial(naive, layer, labels), repeats=1)
        print(
            f"| {layer.name} | {theirs:.2f} | {ours:.3f} | {theirs / ours:.0f} | {much:.0f} | {memory:.0f} |"
        )
        total = [total[0] + theirs, total[1] + ours]
    print(f"| both | {total[0]:.2f} | {total[1]:.3f} | {total[0] / total[1]:.0f} | | |")


def naive(layer: LayerCanvas, labels: Mapping[str, Tensor]) -> list[Tensor]:
    """Naive implementation of all reductions: all maps at once, one reduction after the other, sorting for τ."""
    sizes = layer.maps(range(layer.neurons))[:, 0].abs()
    total = sizes.sum(0)
    share = torch.where(total > 0, sizes / total, 0.0)
    low, high = sizes.amin((1, 2)), sizes.amax((1, 2))
    results = [sizes.sum((1, 2)), low, high, total, (share > 1 / len(sizes)).sum((1, 2))]
    results.append(-torch.xlogy(share, share).sum(0))
    for partition in labels.values():
        for cluster in range(int(partition.max()) + 1):
            results.append(sizes[:, partition == cluster].sum(1))
    ordered = sizes.flatten().sort().values
    cumulative = ordered.cumsum(0, dtype=torch.float64)
    for x in THRESHOLDS:
        tau = ordered[torch.searchsorted(cumulative, x * cumulative[-1])]
        results.append((sizes > tau).sum(0))
    results.append(ordered[:: max(1, len(ordered) // 1000)])
    return results


def by_size(canvas: TracedCanvas, options: argparse.Namespace) -> None:
    """Time and memory of a sample of each layer's neurons at growing sizes and the same ``max_bytes``."""
    print("| size | layer | neurons | all reductions (s) | ns / value | additional memory (MB) |")
    print("|---|---|---|---|---|---|")
    for height, width in ((128, 256), (256, 512), (512, 1024), (720, 1280)):
        for layer in reversed(list(paint(height, width, options.device))):
            sample = evenly(layer, options.neurons)
            labels = partitions(layer)
            seconds, memory = best(
                options,
                partial(layer.reduce, labels, THRESHOLDS, neurons=sample),
            )
            each = seconds / (len(sample) * height * width) * 1e9
            print(
                f"| {height}×{width} | {layer.name} | {len(sample):,} | {seconds:.2f} | {each:.2f} | "
                f"{memory:.0f} |"
            )


def with_shifts(canvas: TracedCanvas, options: argparse.Namespace) -> None:
    """Five partitions, and 20 shifted copies of each besides."""
    print("| layer | neurons | 5 partitions (s) | 105 partitions (s) |")
    print("|---|---|---|---|")
    for layer in reversed(list(canvas)):
        sample = evenly(layer, options.neurons)
        few, many = (
            best(
                options,
                partial(layer.reduce, partitions(layer, copies), THRESHOLDS, neurons=sample),
            )[0]
            for copies in (1, 21)
        )
        print(f"| {layer.name} | {len(sample):,} | {few:.2f} | {many:.2f} |")


def evenly(layer: LayerCanvas, most: int) -> Tensor:
    """Neurons spread over the layer."""
    return torch.linspace(0, layer.neurons - 1, min(most, layer.neurons)).long()


def best(
    options: argparse.Namespace, work: Callable[[], object], repeats: int | None = None
) -> tuple[float, float]:
    """Least time in seconds, and by how many megabytes the process grew meanwhile (Linux only)."""
    times, growth = [], 0.0
    for _ in range(repeats or options.repeats):
        before = _memory("VmRSS")
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # forget the process's largest size so far
        if options.device != "cpu":
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if options.device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
        growth = max(growth, _memory("VmHWM") - before)
    return min(times), growth


def _repeat(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()


def _memory(name: str) -> float:
    """A size from the kernel's account of this process, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
