"""SIREN, against the paper's theorem, its sizes, and a network written out here in NumPy."""

import numpy as np
import pytest
import scipy.stats
import torch

from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import SIREN, pixel_grid


def numpy_siren(weights, coordinates, omega):
    """Inputs of all layers and the colours, in float64: Φ(x) = W_n sin(ω₀ W sin(…) + ω₀ b) + b_n."""
    *hidden, (last, offset) = [(w.double().numpy(), b.double().numpy()) for w, b in weights]
    inputs = [coordinates.double().numpy()]
    for weight, bias in hidden:
        inputs.append(np.sin(omega * (np.einsum("oi,hwi->hwo", weight, inputs[-1]) + bias)))
    return inputs, np.einsum("oi,hwi->hwo", last, inputs[-1]) + offset


def weights_of(siren):
    return [(layer.weight.detach(), layer.bias.detach()) for layer in siren.layers]


@pytest.mark.parametrize(("depth", "omega"), [(5, 30.0), (3, 30.0), (4, 7.5)])
def test_forward_is_that_of_the_papers_equations(depth, omega):
    siren, grid = SIREN(11, depth, omega), pixel_grid(5, 9)
    _, colours = numpy_siren(weights_of(siren), grid, omega)
    np.testing.assert_allclose(siren(grid).detach(), colours, atol=1e-5)


def test_activations_keep_their_statistics_through_depth():
    """Theorem 1.8: a standard normal before each sine, an arcsine distribution after it, at any depth.

    Exactly so after the first sine, of many periods. A sine of a normal of variance v has (1 − e^(−2v)) / 2, not
    the arcsine's 1/2, so that v goes from 1 to the fixed point of v = 1 − e^(−2v), 0.797, and stays there.
    """
    siren = SIREN(width=1024, depth=9)
    records = {}
    for number, layer in enumerate(siren.layers):
        layer.register_forward_hook(lambda _, args, out, n=number: records.update({n: (args[0], out)}))
    with torch.no_grad():
        siren(torch.rand(200, 2) * 2 - 1)
    variance = 1.0
    for number in range(1, 8):
        received, made = (values.double() for values in records[number])
        before = 30 * made
        assert float(before.var()) == pytest.approx(variance, rel=0.05), number
        assert 0.87 < float(before.std()) < 1.03, number
        assert abs(float(before.mean())) < 0.05, number
        assert float(received.square().mean()) == pytest.approx(variance / 2, rel=0.05), number
        normal = scipy.stats.kstest((before / before.std()).flatten()[::97], "norm")
        assert normal.statistic < 0.05, number
        variance = 1 - np.exp(-2 * variance)
    arcsine = scipy.stats.kstest(records[1][0].flatten()[::97], scipy.stats.arcsine(-1, 2).cdf)
    assert arcsine.statistic < 0.05


def test_first_layer_spans_several_periods():
    siren = SIREN(width=4096)
    first = siren.layers[0].weight.detach()
    assert float(first.abs().max()) == pytest.approx(1 / 2, abs=1e-3)
    assert float(30 * first.std()) == pytest.approx(30 * (1 / 12) ** 0.5, rel=0.02)


@pytest.mark.parametrize(
    ("width", "depth", "parameters"),
    [
        (256, 5, 198_915),  # 256 × 3 hidden layers, the paper's for images
        (256, 4, 133_123),
        (28, 11, 7_479),  # COIN's smaller networks
    ],
)
def test_sizes_are_the_papers(width, depth, parameters):
    found = sum(p.numel() for p in SIREN(width, depth).parameters())
    by_hand = 3 * width + (depth - 2) * (width**2 + width) + 3 * (width + 1)
    assert found == by_hand == parameters


def test_golden_arrays(golden):
    """Weights that seed 0 draws, the picture and the maps, as :func:`numpy_siren` made them once."""
    arrays = np.load(golden / "siren_tiny.npz")
    torch.manual_seed(0)
    siren = SIREN(width=6, depth=4)
    for number, (weight, bias) in enumerate(weights_of(siren)):
        assert np.array_equal(weight, arrays[f"weight{number}"])
        assert np.array_equal(bias, arrays[f"bias{number}"])
    canvas = Canvas(siren).at(pixel_grid(4, 8))
    np.testing.assert_allclose(siren(pixel_grid(4, 8)).detach(), arrays["picture"], atol=1e-6)
    for number, layer in enumerate(canvas):
        found = layer.maps(range(layer.neurons))[:, 0]
        np.testing.assert_allclose(found, arrays[f"maps{number}"], atol=1e-4)


@pytest.mark.parametrize("neuron", ["input", "output", "weight"])
def test_contributions_of_every_layer_add_up(neuron):
    canvas = Canvas(SIREN(8, 4).double(), neuron=neuron).at(pixel_grid(4, 6).double())
    assert canvas.layers == ("layer1", "layer2", "layer3", "layer4")
    for layer in canvas:
        assert layer.completeness_error() < 1e-13


@pytest.mark.parametrize("omega", [0.0, -1.0, float("nan"), float("inf")])
def test_omega_is_positive(omega):
    with pytest.raises(ValueError, match="omega_0 must be more than 0"):
        SIREN(8, omega_0=omega)
