"""HNeRV: its paper's sizes, its equations written once more, and golden arrays from our own seed."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from xinc_lightning.canvas import Canvas
from xinc_lightning.compression import count_parameters, largest_width
from xinc_lightning.networks import HNeRV

BUNNY = (132, 640, 1280)
"""Frames and resolution of the clip of the paper's Table 1."""


def bunny(channels: int) -> HNeRV:
    with torch.device("meta"):
        return HNeRV(*BUNNY, channels)


def paper_channels(size: float) -> int:
    """Channels of the stem for a size, by the estimate of the paper's own code, which leaves out biases and head.

    A·C² + B·C = parameters without embeddings: block i takes C²·r^(−2i−1) of weights per s²·k², and the stem is
    counted with nine positions a channel.
    """
    strides, kernels, reduction = [5, 4, 4, 2, 2], [1, 3, 5, 5, 5], 1.2
    a = sum(
        reduction ** (-2 * i - 1) * (s * k) ** 2
        for i, (s, k) in enumerate(zip(strides, kernels, strict=True))
    )
    return int(max(np.roots([a, 16 * 9, -(size - 132 * 16 * 2 * 4)])))


@pytest.mark.parametrize("size", [0.35e6, 0.75e6, 1.5e6, 3e6])
def test_widths_for_the_papers_sizes_are_the_papers(size):
    channels = largest_width(lambda c: count_parameters(lambda: HNeRV(*BUNNY, c)), int(size))
    theirs = paper_channels(size)
    assert abs(channels - theirs) <= 1
    assert count_parameters(lambda: HNeRV(*BUNNY, theirs)) == pytest.approx(size, rel=0.06)
    assert count_parameters(lambda: HNeRV(*BUNNY, channels)) == pytest.approx(size, rel=0.06)


def test_shapes_of_the_papers_network():
    network = bunny(67)
    assert network.embeddings.shape == (132, 16, 2, 4)
    convolutions = [block.conv for block in network.blocks]
    assert [conv.kernel_size[0] for conv in convolutions] == [1, 3, 5, 5, 5]
    assert [conv.in_channels for conv in convolutions] == [67, 56, 47, 39, 32]
    assert [conv.out_channels for conv in convolutions] == [56 * 25, 47 * 16, 39 * 16, 32 * 4, 27 * 4]
    assert (network.stem.kernel_size, network.head.kernel_size) == ((1, 1), (3, 3))
    assert [layer.name for layer in network.canvas_layers()] == [
        "stem",
        *(f"block{i}" for i in range(1, 6)),
        "head",
    ]
    assert network(network.embeddings[:1]).shape == (1, 3, 640, 1280)


def test_parameters_counted_by_hand():
    """Embeddings, then kernels and biases of 16 → 20 → 17·4 → 14·4 → 12·4 → 3."""
    by_hand = 5 * 16 * 2 * 4 + (16 + 1) * 20 + (20 + 1) * 68 + (17 * 9 + 1) * 56 + (14 * 25 + 1) * 48
    by_hand += (12 * 9 + 1) * 3
    assert count_parameters(lambda: HNeRV(5, 16, 32, 20)) == by_hand


def convolved(values, weight, bias):
    """A zero-padded convolution of [inputs, rows, cols], position by position of the kernel."""
    size = weight.shape[-1]
    rows, cols = values.shape[1:]
    padded = np.pad(values, ((0, 0), (size // 2,) * 2, (size // 2,) * 2))
    total = np.zeros((len(weight), rows, cols)) + bias[:, None, None]
    for r in range(size):
        for c in range(size):
            total += np.einsum("oi,irc->orc", weight[:, :, r, c], padded[:, r : r + rows, c : c + cols])
    return total


def shuffled(values, stride):
    """Channel c·s² + i·s + j of a pixel is channel c of its sub-pixel (i, j)."""
    channels, rows, cols = values.shape
    out = np.empty((channels // stride**2, rows * stride, cols * stride))
    for i in range(stride):
        for j in range(stride):
            out[:, i::stride, j::stride] = values[i * stride + j :: stride**2]
    return out


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


OUTPUTS = {
    "tanh": lambda x: np.tanh(x) / 2 + 0.5,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "identity": lambda x: x,
}


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_independent_forward_pass_of_the_papers_equations(output):
    network = HNeRV(2, 12, 24, 9, embedding=5, minimum_channels=4, output=output).double()
    assert network.strides == [3, 2]
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    embedding = np.random.default_rng(0).normal(size=(5, 2, 4))
    x = gelu(convolved(embedding, weights["stem.weight"], weights["stem.bias"]))
    for i, stride in enumerate([3, 2]):
        names = (f"blocks.{i}.conv.weight", f"blocks.{i}.conv.bias")
        x = gelu(shuffled(convolved(x, *(weights[name] for name in names)), stride))
    expected = OUTPUTS[output](convolved(x, weights["head.weight"], weights["head.bias"]))
    found = network(torch.from_numpy(embedding)[None])[0].detach()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_golden_frames_and_maps(golden):
    """Of version 0.3: weights from our seed, their frames, and the sum of each layer's maps."""
    network = HNeRV(2, 16, 32, 6, embedding=4, minimum_channels=4)
    network.load_state_dict(load_file(golden / "hnerv_tiny.safetensors"))
    arrays = np.load(golden / "hnerv_tiny.npz")
    np.testing.assert_allclose(network(network.embeddings).detach(), arrays["frames"], atol=1e-6)
    for layer in Canvas(network).at(network.embeddings):
        total = layer.maps(range(layer.neurons)).sum(0)
        np.testing.assert_allclose(total, arrays[layer.name], atol=1e-5 * np.abs(arrays[layer.name]).max())


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_canvas_is_complete_and_its_terms_make_the_next_input(output):
    network = HNeRV(2, 16, 32, 6, embedding=4, minimum_channels=4, output=output)
    canvas = Canvas(network, head_activation=False).at(torch.randn(2, 4, 2, 4))
    assert canvas.layers == ("stem", "block1", "block2", "block3", "head")
    for layer in canvas:
        assert layer.completeness_error() < 1e-6
    embeddings = torch.randn(1, 4, 2, 4)
    canvas = Canvas(network, head_activation=False).at(embeddings)
    head = canvas["head"].maps(range(12)).reshape(4, 3, 16, 32).sum(0)
    made = network(embeddings)[0]
    before = {"tanh": lambda y: torch.atanh(2 * y - 1), "sigmoid": torch.logit, "identity": lambda y: y}[
        output
    ]
    torch.testing.assert_close(head, before(made), atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("output", OUTPUTS)
def test_effects_are_those_of_taking_a_kernel_out_of_the_network_itself(output):
    network = HNeRV(2, 16, 32, 6, embedding=4, minimum_channels=4, output=output).double()
    embeddings = torch.randn(2, 4, 2, 4, dtype=torch.float64)
    picture = network(embeddings)
    for layer, declared in zip(Canvas(network).at(embeddings), network.canvas_layers(), strict=True):
        conv = declared.conv
        for neuron in (0, layer.neurons // 2 + 1, layer.neurons - 1):
            kept = {name: value.clone() for name, value in conv.state_dict().items()}
            i, o = divmod(neuron, conv.out_channels)
            conv.weight[o, i] = 0
            conv.bias[o] -= conv.bias[o] / conv.in_channels
            expected = picture - network(embeddings)
            conv.load_state_dict(kept)
            torch.testing.assert_close(layer.effects([neuron])[0], expected, rtol=0, atol=1e-12)
