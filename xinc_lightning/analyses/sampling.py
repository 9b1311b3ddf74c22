"""Which of a layer's neurons are analysed or shown, and their names."""

from collections.abc import Sequence

import numpy as np
import torch

from xinc_lightning.canvas import FrameCanvas, FrameStatistics, LayerCanvas


def sample_neurons(neurons: int, count: int, seed: int = 0) -> list[int]:
    """Indices of ``count`` neurons sampled at random without replacement, sorted; all if there are no more.

    >>> sample_neurons(5, 9)
    [0, 1, 2, 3, 4]
    """
    drawn = np.random.default_rng(seed).choice(neurons, min(count, neurons), replace=False)
    return sorted(drawn.tolist())


def sample_live(statistics: FrameStatistics, count: int, seed: int = 0) -> list[int]:
    """Indices of at most ``count`` neurons with contribution, sampled at random, sorted.

    Args:
        statistics: the layer's reductions at one frame.
        count: number of neurons.
        seed: of the sample.
    """
    live = statistics.neurons[statistics.absolute_sum > 0].tolist()
    return [live[place] for place in sample_neurons(len(live), count, seed)]


def sample_live_by_maps(layer: LayerCanvas, count: int, seed: int = 0, tries: int = 8) -> list[int]:
    """Live neurons sampled at random, sorted, without reductions: dead ones are replaced by further samples.

    The order of sampling depends on the seed only, so that the same neurons are sampled as long as they are live.

    Args:
        layer: the layer's canvas.
        count: number of neurons; fewer if ``tries`` times as many samples do not have that many live ones. Neurons
            that contribute Inf or NaN do not count as live.
        seed: of the sample.
        tries: maximum number of rounds.
    """
    drawn = np.random.default_rng(seed).permutation(layer.neurons)[: tries * count]
    live: list[int] = []
    for some in np.array_split(drawn, tries):  # most are alive, so that the first of them do
        if len(live) < count and len(some):
            totals = layer.maps(some).abs().flatten(1).sum(1, dtype=torch.float64)
            live += some[((totals > 0) & totals.isfinite()).cpu().numpy()].tolist()
    return sorted(live[:count])


def top_neurons(statistics: FrameStatistics, count: int) -> list[int]:
    """Indices of the ``count`` neurons with the largest Σ|c|, largest first.

    Args:
        statistics: the layer's reductions at one frame.
        count: number of neurons; all if there are no more.
    """
    order = statistics.absolute_sum.argsort(descending=True, stable=True)[:count]
    return [int(neuron) for neuron in statistics.neurons[order]]


def evenly_spaced(items: Sequence[int], count: int) -> list[int]:
    """At most ``count`` of the items, the first and the last among them.

    >>> evenly_spaced(range(30), 6)
    [0, 6, 12, 17, 23, 29]
    >>> evenly_spaced([4, 9], 6)
    [4, 9]
    """
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]


def neuron_label(layer: LayerCanvas | FrameCanvas, neuron: int) -> str:
    """Readable name of a neuron: its index, and for a kernel its channels."""
    labels = {name: int(values[neuron]) for name, values in layer.labels.items()}
    if "kernel" in labels:
        return f"#{neuron} ({labels['input']}→{labels['kernel']})"
    return f"#{neuron}"
