import pytest
import torch
from torch import nn

from xinc_lightning.canvas import Canvas
from xinc_lightning.canvas.trace import trace
from xinc_lightning.networks import LinearLayer


class Noisy(nn.Module):
    """Has dropout in two modes, batch statistics, in-place activations, and may raise."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 4), nn.Linear(4, 3)
        self.dropout, self.frozen = nn.Dropout(), nn.Dropout()
        self.norm = nn.BatchNorm1d(4)
        self.frozen.eval()
        self.fail = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.rand(3)
        y = self.first(x)
        y = self.norm(self.dropout(y).flatten(0, 1)).reshape(y.shape)
        y.relu_()
        if self.fail:
            raise RuntimeError("on purpose")
        return self.second(self.frozen(y))

    def canvas_layers(self) -> list[LinearLayer]:
        return [LinearLayer("first", self.first, torch.relu), LinearLayer("second", self.second)]


@pytest.mark.parametrize("fail", [False, True])
def test_trace_has_no_side_effects(fail):
    network = Noisy()
    network.fail = fail
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random = torch.get_rng_state()
    matmul, tf32 = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    if fail:
        with pytest.raises(RuntimeError, match="on purpose"):
            Canvas(network).at(torch.rand(3, 4, 2, generator=torch.Generator()))
    else:
        for layer in Canvas(network).at(torch.rand(3, 4, 2, generator=torch.Generator())):
            layer.reduce()
            assert layer.completeness_error() < 1e-6
    assert torch.equal(torch.get_rng_state(), random)
    assert [m.training for m in network.modules()] == [True, True, True, True, False, True]
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in network.modules())
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert torch.is_grad_enabled()
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == (matmul, tf32)


def test_autocast_does_not_change_the_canvas():
    network = Noisy()
    x = torch.rand(3, 4, 2)
    plain = Canvas(network).at(x)["second"].maps([0, 1])
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(Canvas(network).at(x)["second"].maps([0, 1]), plain, rtol=0, atol=0)


def test_layers_must_run_exactly_once():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    twice = nn.Sequential(network[0], network[0])
    x = torch.rand(3, 4, 2)
    with pytest.raises(ValueError, match="'a' ran 2 times"):
        trace(twice, [LinearLayer("a", network[0])], [x])
    with pytest.raises(ValueError, match="'a' is not a module of Sequential"):
        trace(network, [LinearLayer("a", nn.Linear(2, 2))], [x])
    assert not network[0]._forward_hooks
