"""Networks of pixel coordinates, and the stack that trains many at once."""

import pytest
import torch

from xinc_lightning.networks import FFN, SIREN, NetworkStack, pixel_grid

KINDS = [FFN, SIREN]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_stack_renders_like_its_single_networks(kind, depth):
    stack = NetworkStack(kind(width=8, depth=depth), frames=3).double()
    for parameter in stack.parameters():
        torch.nn.init.normal_(parameter)
    coordinates = pixel_grid(3, 5).double()
    with torch.no_grad():
        grid = stack.grid(3, 5)
        together = stack(grid)
        for i in range(3):
            alone = stack.frame(i)(coordinates).reshape(-1, 3).T
            torch.testing.assert_close(together[i], alone, atol=1e-10, rtol=0)
        torch.testing.assert_close(stack(grid, torch.tensor([2, 0])), together[[2, 0]])
        torch.testing.assert_close(stack(grid, torch.tensor([1])), together[[1]])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_a_stack_are_those_of_its_single_networks(kind):
    stack = NetworkStack(kind(width=8), frames=2).double()
    colours = torch.rand(2, 3, 15, dtype=torch.float64)
    (stack(stack.grid(3, 5)) - colours).square().sum().backward()
    for i in range(2):
        alone = stack.frame(i)
        (alone(pixel_grid(3, 5).double()).reshape(-1, 3).T - colours[i]).square().sum().backward()
        for layer, weights, biases in zip(alone.layers, stack.weights, stack.biases, strict=True):
            torch.testing.assert_close(weights.grad[i], layer.weight.grad)
            torch.testing.assert_close(biases.grad[i], layer.bias.grad)


def test_stack_needs_a_frame():
    with pytest.raises(ValueError, match="frames must be at least 1, got 0"):
        NetworkStack(FFN(), frames=0)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_last_layer_has_no_activation(kind):
    layers = kind(width=8, depth=3).canvas_layers()
    assert [(layer.name, layer.activation is None) for layer in layers] == [
        ("layer1", False),
        ("layer2", False),
        ("layer3", True),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_taking_a_frame_out_draws_no_random_numbers(kind):
    stack = NetworkStack(kind(width=5), 2).double()
    before = torch.get_rng_state()
    frame = stack.frame(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert {p.dtype for p in frame.state_dict().values()} == {torch.float64}
    assert torch.equal(frame.layers[0].weight, stack.weights[0][1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_has_the_parameters_of_its_networks_and_no_others(kind):
    one = kind(width=5)
    stack = NetworkStack(one, 3)
    assert sum(p.numel() for p in stack.parameters()) == 3 * sum(p.numel() for p in one.parameters())
    assert {name.partition(".")[0] for name in stack.state_dict()} <= {"encoding", "weights", "biases"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [0, -1])
def test_a_network_has_layers(kind, depth):
    with pytest.raises(ValueError, match=f"depth must be 1 linear layer or more, got {depth}"):
        kind(8, depth=depth)
