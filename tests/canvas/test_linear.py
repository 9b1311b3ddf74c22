import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import FFN, LinearLayer, pixel_grid


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    inputs=st.integers(1, 5),
    outputs=st.integers(1, 4),
    height=st.integers(1, 4),
    width=st.integers(1, 6),
    bias=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_linear_maps_agree_with_their_formulas(inputs, outputs, height, width, bias, seed):
    torch.manual_seed(seed)
    hidden, last = nn.Linear(2, inputs).double(), nn.Linear(inputs, outputs, bias=bias).double()
    network = nn.Sequential(hidden, nn.Tanh(), last)
    x = torch.randn(height, width, 2, dtype=torch.float64)
    v, w = torch.tanh(hidden(x)).detach().numpy(), last.weight.detach().numpy()
    b = last.bias.detach().numpy() if bias else np.zeros(outputs)
    layers = [LinearLayer("a", hidden, torch.tanh), LinearLayer("b", last)]
    canvases = {kind: Canvas(network, layers, kind).at(x)["b"] for kind in ("input", "output", "weight")}
    maps = {kind: canvas.maps(range(canvas.neurons))[:, 0].numpy() for kind, canvas in canvases.items()}
    for i in range(inputs):
        each = [v[..., i] * w[j, i] + b[j] / inputs for j in range(outputs)]
        np.testing.assert_allclose(maps["input"][i], sum(each), rtol=1e-10, atol=1e-12)
        for j in range(outputs):
            np.testing.assert_allclose(maps["weight"][i * outputs + j], each[j], rtol=1e-10, atol=1e-12)
    for j in range(outputs):
        np.testing.assert_allclose(maps["output"][j], v @ w[j], rtol=1e-10, atol=1e-12)
    for canvas in canvases.values():
        assert canvas.completeness_error() < 1e-12


def test_hidden_linear_layers_pass_through_their_activation():
    ffn = FFN(width=6, depth=2)
    x = pixel_grid(3, 4)
    maps = Canvas(ffn).at(x)["layer1"].maps(range(12))
    assert (maps >= 0).all()
    assert (maps == 0).any()
