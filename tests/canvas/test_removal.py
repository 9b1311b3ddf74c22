"""The picture without neurons: by hand, and against what their terms add up to."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.canvas import Canvas
from xinc_lightning.canvas.removal import picture_without
from xinc_lightning.networks import FFN, NeRV, pixel_grid

TIME = torch.tensor([0.3], dtype=torch.float64)


@pytest.fixture(scope="module")
def nerv():
    torch.manual_seed(1)
    return NeRV(16, 32, 6, (2, 2), minimum_channels=4)


@pytest.mark.parametrize("layer", ["block1", "block2", "head"])
def test_the_layers_output_loses_the_terms_of_the_neurons(nerv, layer):
    """What the network computes from the layer on, from its traced output less the terms."""
    terms = Canvas(nerv).at(TIME)[layer].terms
    gone = torch.tensor([0, 3, len(terms.weight) + 1])
    output = terms.output.clone()
    for neuron, term in zip(gone, terms.terms(gone), strict=True):
        output[:, neuron % len(terms.weight)] -= term

    def replaced(module, args, computed):
        return output

    handle = (
        Canvas(nerv).declared[["block1", "block2", "head"].index(layer)].conv.register_forward_hook(replaced)
    )
    with torch.no_grad():
        expected = nerv(TIME)
    handle.remove()
    found = picture_without(Canvas(nerv), {layer: gone}, TIME)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_without_all_of_the_head_nothing_is_left(nerv):
    found = picture_without(Canvas(nerv), {"head": torch.arange(3 * nerv.head.in_channels)}, TIME)
    assert torch.allclose(found, torch.full_like(found, 0.5))


def test_without_none_the_picture_stays(nerv):
    before = {name: tensor.clone() for name, tensor in nerv.state_dict().items()}
    with torch.no_grad():
        assert torch.equal(picture_without(Canvas(nerv), {}, TIME), nerv(TIME))
    picture_without(Canvas(nerv), {"block1": torch.tensor([5, 5])}, TIME)
    assert all(torch.equal(nerv.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("neuron", ["input", "output", "weight"])
def test_of_an_ffn_by_hand(neuron):
    torch.manual_seed(1)
    ffn, grid = FFN(width=8), pixel_grid(4, 6)
    first, second, last = ffn.layers
    with torch.no_grad():
        hidden = torch.relu(first(ffn.encoding(grid)))
        weight, bias = second.weight.clone(), second.bias.clone()
        if neuron == "input":  # units 1 and 2
            weight[:, [1, 2]] = 0
            bias = bias * (1 - 2 / 8)
        elif neuron == "output":
            weight[[1, 2]] = 0
        else:  # the weights (0, 1) and (0, 2)
            weight[[1, 2], 0] = 0
            bias[[1, 2]] *= 7 / 8
        expected = last(torch.relu(F.linear(hidden, weight, bias)))
    found = picture_without(Canvas(ffn, neuron=neuron), {"layer2": torch.tensor([1, 2])}, grid)
    torch.testing.assert_close(found, expected)
