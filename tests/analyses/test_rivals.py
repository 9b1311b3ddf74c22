import pytest
import torch

from xinc_lightning.analyses import randomised
from xinc_lightning.analyses.rivals import (
    gradient_times_term,
    random_signs,
    weight_norms,
    weight_norms_times_input,
    without_box_filters,
)
from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import FFN, NeRV, pixel_grid


@pytest.fixture
def nerv():
    torch.manual_seed(0)
    return NeRV(16, 32, 7, strides=(2, 2))


def test_norms_of_kernels(nerv):
    terms = Canvas(nerv).at(torch.tensor([0.3, 0.6]))["block2"].terms
    neurons = torch.tensor([0, 50, 27])
    for neuron, norm, times in zip(
        neurons.tolist(),
        weight_norms(terms, neurons),
        weight_norms_times_input(terms, neurons),
        strict=True,
    ):
        i, o = divmod(neuron, len(terms.weight))
        expected = terms.weight[o, i].abs().sum()
        torch.testing.assert_close(norm, expected)
        torch.testing.assert_close(times, expected * terms.values[:, i].abs().mean())


@pytest.mark.parametrize("neuron", ["input", "output", "weight"])
def test_norms_of_linear_neurons(neuron):
    torch.manual_seed(0)
    terms = Canvas(FFN(width=4), neuron=neuron).at(pixel_grid(3, 5))["layer2"].terms
    products = terms.weight.abs() * terms.values.abs().mean((0, 1, 2))
    for found, sizes in ((weight_norms, terms.weight.abs()), (weight_norms_times_input, products)):
        expected = {"input": sizes.sum(0), "output": sizes.sum(1), "weight": sizes.T.flatten()}[neuron]
        torch.testing.assert_close(found(terms, torch.arange(terms.neurons)), expected)


def test_without_box_filters_a_map_is_its_pixels_repeated(nerv):
    canvas = Canvas(nerv).at(torch.tensor([0.3]))
    plain = without_box_filters(canvas["block1"].terms)
    neuron = torch.tensor([5])
    expected = canvas["block1"].terms.terms(neuron)
    phase = 5 % 4
    shuffled = torch.zeros(1, 1, 8, 16)
    shuffled[..., phase // 2 :: 2, phase % 2 :: 2] = expected
    gelu = torch.nn.functional.gelu
    expected = gelu(gelu(shuffled).repeat_interleave(2, -1).repeat_interleave(2, -2))
    torch.testing.assert_close(plain.maps(neuron), expected)
    assert without_box_filters(canvas["head"].terms) is None
    assert without_box_filters(Canvas(FFN(width=4)).at(pixel_grid(3, 5))["layer1"].terms) is None


def test_gradient_times_term_estimates_the_norm_of_small_effects(nerv):
    nerv.double()
    with torch.no_grad():
        nerv.blocks[0].conv.weight *= 1e-4  # so small that the network is linear in them
    effects = Canvas(nerv).at(torch.tensor([0.3]))["block1"].effect_terms
    neurons = torch.tensor([3, 40, 9])
    directions = random_signs(effects.chain.picture, 400, 0)
    norms = effects.effects(neurons).flatten(1).norm(dim=1)
    torch.testing.assert_close(gradient_times_term(effects, neurons, directions), norms, rtol=0.15, atol=0)


def test_layers_are_initialised_anew_from_the_head_on(nerv):
    t = torch.tensor([0.3])
    state = {name: value.clone() for name, value in nerv.state_dict().items()}
    trained = Canvas(nerv).at(t)
    networks = [*randomised(Canvas(nerv), (t,))]
    changed = [
        [not torch.equal(canvas[name].terms.weight, trained[name].terms.weight) for name in canvas.layers]
        for canvas in networks
    ]
    assert changed == [[False, False, True], [False, True, True], [True, True, True]]
    again = [*randomised(Canvas(nerv), (t,))]
    assert torch.equal(again[0]["head"].terms.weight, networks[0]["head"].terms.weight)
    assert all(torch.equal(value, state[name]) for name, value in nerv.state_dict().items())
