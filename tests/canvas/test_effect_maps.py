"""Maps of effects in place of contributions, networks that have none, and what computing them leaves behind."""

import pytest
import torch
from torch import nn

from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import FFN, ConvLayer, NeRV, pixel_grid


def test_maps_of_effects_are_their_size_and_all_reductions_take_them():
    torch.manual_seed(0)
    nerv, t = NeRV(16, 32, 7, strides=(2, 2)), torch.tensor([0.1, 0.4])
    effect, contribution = (Canvas(nerv, maps=maps).at(t)["block2"] for maps in ("effect", "contribution"))
    maps = effect.maps([5, 2, 5])
    torch.testing.assert_close(maps, contribution.effects([5, 2, 5]).abs().sum(2))
    statistics = effect.reduce(neurons=[5, 2])
    torch.testing.assert_close(statistics.absolute_sum, maps[:2].double().sum((2, 3)), rtol=1e-5, atol=0)
    torch.testing.assert_close(statistics.pixel_sums, maps[:2].double().sum(0), rtol=1e-5, atol=0)
    torch.testing.assert_close(effect.at(1).maps([2]), maps[1:2, 1])
    assert effect.strongest(neurons=[5, 2]).neurons[0, 0, 0] in (5, 2)
    assert effect.maps([]).shape == (0, 2, 16, 32)
    assert effect.completeness_error() < 1e-5


def test_neurons_without_input_have_no_effect_at_all():
    torch.manual_seed(0)
    nerv = NeRV(16, 32, 7, strides=(2, 2))
    with torch.no_grad():
        nerv.blocks[1].conv.weight[:, 2] = 0
        nerv.blocks[1].conv.bias[:] = 0
    layer = Canvas(nerv).at(torch.tensor([0.3]))["block2"]
    dead = [2 * nerv.blocks[1].conv.out_channels + kernel for kernel in range(5)]
    assert layer.inactive[dead].all()
    assert (layer.effects(dead) == 0).all()


def test_networks_that_are_no_chain_have_no_effects():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 3, 1)

        def forward(self, x):
            return self.b(x + torch.relu(self.a(x)))

    network = Residual()
    layers = [ConvLayer("a", network.a, 1, torch.relu), ConvLayer("b", network.b)]
    canvas = Canvas(network, layers).at(torch.randn(1, 2, 4, 4))
    with pytest.raises(ValueError, match="declared for 'a' does not make what 'b' receives; effects need"):
        canvas["a"].effects([0])
    assert canvas["b"].effects([0]).shape == (1, 1, 3, 4, 4)
    shifted = Canvas(NeRV(16, 32, 7, strides=(2, 2)))
    shifted.declared = (*shifted.declared[:-1], ConvLayer("head", shifted.network.head, 1, torch.tanh))
    with pytest.raises(ValueError, match="declared for 'head' does not make the network's picture"):
        shifted.at(torch.tensor([0.3]))["block1"].effects([0])


def test_options_are_checked():
    with pytest.raises(ValueError, match="maps must be one of contribution, effect, got 'both'"):
        Canvas(FFN(width=4), maps="both")
    layer = Canvas(FFN(width=4)).at(pixel_grid(2, 2))["layer1"]
    with pytest.raises(ValueError, match="ablation must be one of zero, mean, got 'noise'"):
        layer.effects([0], "noise")
    with pytest.raises(IndexError, match="neuron 8 of layer 'layer1'"):
        layer.effects([8])


def test_effects_leave_nothing_behind():
    torch.manual_seed(0)
    nerv = NeRV(16, 32, 7, strides=(2, 2)).train()
    state = {name: value.clone() for name, value in nerv.state_dict().items()}
    random = torch.get_rng_state()
    layer = Canvas(nerv).at(torch.tensor([0.3]))["block1"]
    assert not layer.effects([1]).requires_grad
    assert not layer.effect_terms.first_order(torch.ones(1, 1, 3, 16, 32)).requires_grad
    assert torch.equal(random, torch.get_rng_state())
    assert nerv.training
    assert all(torch.equal(value, state[name]) for name, value in nerv.state_dict().items())
    assert all(parameter.grad is None for parameter in nerv.parameters())
    assert not nerv.head._forward_hooks
