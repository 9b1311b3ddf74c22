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


def test_inactive_is_what_can_be_taken_out_without_effect():
    """Units that contribute nothing because their weights sum to less than zero are not."""
    linear = nn.Linear(4, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 0.0, -3.0, 2.0], [1.0, 0.0, 1.0, 0.0]]))
    x = torch.rand(3, 5, 4) + 0.1
    x[..., 0] = 0  # an input that is zero everywhere
    network = nn.Sequential(linear)
    layers = [LinearLayer("a", linear, torch.relu)]
    found = {
        kind: Canvas(network, layers, kind).at(x)["a"].inactive for kind in ("input", "output", "weight")
    }
    assert found["input"].tolist() == [True, True, False, False]
    assert found["output"].tolist() == [False, False]
    assert found["weight"].tolist() == [True, True, True, True, False, False, False, True]

    with torch.no_grad():
        whole = linear(x)
        for unit, inactive in enumerate(found["input"].tolist()):
            without = x.clone()
            without[..., unit] = 0
            assert torch.equal(linear(without), whole) == inactive
