"""A second, naive canvas: loops over neurons and taps in numpy, in the paper's words, and sorts for τ."""

import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from xinc_lightning.networks import ConvLayer

ACTIVATIONS = {
    "gelu": (nn.functional.gelu, lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))),
    "relu": (torch.relu, lambda x: np.maximum(x, 0)),
    "tanh": (torch.tanh, np.tanh),
    "sine": (lambda x: torch.sin(3 * x), lambda x: np.sin(3 * x)),
    "cosine": (torch.cos, np.cos),  # not 0 at 0: masked positions show
    "identity": (None, lambda x: x),
}


@dataclass(frozen=True)
class Spec:
    """One convolution of a decoder."""

    inputs: int
    outputs: int
    kernel: tuple[int, int]
    shuffle: int
    activation: str
    bias: bool


class Decoder(nn.Module):
    """Convolutions, each with PixelShuffle and activation, from a [frames, channels, rows, cols] input."""

    def __init__(self, specs: list[Spec]) -> None:
        super().__init__()
        self.specs = specs
        self.convs = nn.ModuleList(
            nn.Conv2d(s.inputs, s.outputs * s.shuffle**2, s.kernel, padding="same", bias=s.bias)
            for s in specs
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for spec, conv in zip(self.specs, self.convs, strict=True):
            x = nn.functional.pixel_shuffle(conv(x), spec.shuffle)
            activation = ACTIVATIONS[spec.activation][0]
            x = activation(x) if activation else x
        return x

    def canvas_layers(self) -> list[ConvLayer]:
        return [
            ConvLayer(f"conv{i}", conv, spec.shuffle, ACTIVATIONS[spec.activation][0])
            for i, (spec, conv) in enumerate(zip(self.specs, self.convs, strict=True))
        ]


def same(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlate one picture with one kernel, zeros outside, output as large as the picture."""
    (height, width), (rows, cols) = image.shape, kernel.shape
    top, left = (rows - 1) // 2, (cols - 1) // 2
    out = np.zeros((height, width))
    for dy in range(rows):
        for dx in range(cols):
            padded = np.zeros((height + rows, width + cols))
            padded[top : top + height, left : left + width] = image
            out += padded[dy : dy + height, dx : dx + width] * kernel[dy, dx]
    return out


def naive_decoder(decoder: Decoder, x: np.ndarray, head_activation: bool = True) -> list[np.ndarray]:
    """Every layer's maps [inputs, kernels, height, width] for one frame [channels, rows, cols]."""
    weights = [conv.weight.detach().double().numpy() for conv in decoder.convs]
    biases = [
        np.zeros(len(w)) if conv.bias is None else conv.bias.detach().double().numpy()
        for w, conv in zip(weights, decoder.convs, strict=True)
    ]
    layers = []
    last = len(weights) - 1
    for index, (spec, weight, bias) in enumerate(zip(decoder.specs, weights, biases, strict=True)):
        r, activation = spec.shuffle, ACTIVATIONS[spec.activation][1]
        outputs, inputs = weight.shape[:2]
        full = np.zeros((spec.outputs, x.shape[1] * r, x.shape[2] * r))
        maps = []
        for i in range(inputs):
            for o in range(outputs):
                term = same(x[i], weight[o, i]) + bias[o] / inputs
                q, (a, b) = o // r**2, divmod(o % r**2, r)
                picture = np.zeros((x.shape[1] * r, x.shape[2] * r))
                picture[a::r, b::r] = term
                full[q] += picture
                if index < last or head_activation:
                    picture = activation(picture)
                for later in range(index + 1, last + 1):
                    rows, cols = decoder.specs[later].kernel
                    picture = same(picture, np.full((rows, cols), 1 / (rows * cols)))
                    up = decoder.specs[later].shuffle
                    picture = np.kron(picture, np.ones((up, up)))
                    if later < last:
                        picture = ACTIVATIONS[decoder.specs[later].activation][1](picture)
                maps.append(picture)
        layers.append(np.stack(maps).reshape(inputs, outputs, *maps[0].shape))
        x = activation(full)
    return layers


def naive_statistics(
    maps: np.ndarray, partitions: dict[str, np.ndarray], thresholds: tuple[float, ...]
) -> SimpleNamespace:
    """Every reduction of maps [neurons, frames, height, width], one at a time; sorts for τ."""
    sizes = np.abs(maps.astype(np.float64))
    neurons, frames = sizes.shape[:2]
    total = sizes.sum(0)
    share = np.divide(sizes, total, out=np.zeros_like(sizes), where=total > 0)
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    tau = np.zeros((len(thresholds), frames))
    for f in range(frames):
        ordered = np.sort(sizes[:, f].ravel())
        cumulative = ordered.cumsum()
        for t, x in enumerate(thresholds):
            tau[t, f] = ordered[min(np.searchsorted(cumulative, x * cumulative[-1]), len(ordered) - 1)]
    clusters = {}
    for name, labels in partitions.items():
        labels = np.broadcast_to(labels, sizes.shape[1:])
        clusters[name] = np.stack(
            [np.where(labels == k, sizes, 0).sum((2, 3)) for k in range(labels.max() + 1)], -1
        )
    return SimpleNamespace(
        sizes=sizes,
        share=share,
        signed_sum=maps.astype(np.float64).sum((2, 3)),
        absolute_sum=sizes.sum((2, 3)),
        minimum=sizes.min((2, 3)),
        maximum=sizes.max((2, 3)),
        cluster_sums=clusters,
        pixel_sums=total,
        entropy=-(share * logs).sum(0),
        pixels_per_neuron=(share > 1 / neurons).sum((2, 3)),
        tau=tau,
        neurons_above=np.stack([(sizes > t[:, None, None]).sum(0) for t in tau]),
        fluctuation=np.abs(np.diff(sizes, axis=1)).sum(0),
        changes=np.abs(np.diff(sizes, axis=1)).sum((2, 3)),
    )


@pytest.fixture(scope="session")
def oracle() -> SimpleNamespace:
    """The naive implementation and the networks it knows."""
    return SimpleNamespace(
        Decoder=Decoder,
        Spec=Spec,
        activations=list(ACTIVATIONS),
        decoder=naive_decoder,
        statistics=naive_statistics,
    )


@pytest.fixture(autouse=True)
def _one_thread():
    """Tiny networks are much faster so, above all on a busy machine; the test of threads uses several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
