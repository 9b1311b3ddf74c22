import pytest
import torch
from torch import nn

from xinc_lightning.canvas import Canvas
from xinc_lightning.canvas.resampling import shuffle_masked
from xinc_lightning.networks import ConvLayer, NeRV


def test_a_block_3_map_by_hand():
    """One kernel of weight 1 at phase (1, 0), ReLU, then a head of 3×3: a ninth around each painted pixel."""
    block, head = nn.Conv2d(1, 4, 1, bias=False), nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        block.weight.fill_(1)
    network = nn.Sequential(block, nn.PixelShuffle(2), nn.ReLU(), head)
    canvas = Canvas(network, [ConvLayer("block", block, 2, torch.relu), ConvLayer("head", head)])
    found = canvas.at(torch.tensor([[[[9.0, -9.0]]]]))["block"].maps([2])[0, 0]
    torch.testing.assert_close(found, torch.tensor([[1.0, 1, 0, 0], [1, 1, 0, 0]]))


def test_masked_shuffles_add_up_to_the_shuffle():
    terms = torch.randn(9, 2, 4, 5)
    summed = shuffle_masked(terms, torch.arange(9), 3).sum(0)
    torch.testing.assert_close(summed, nn.functional.pixel_shuffle(terms.transpose(0, 1), 3)[:, 0])


def test_head_activation_is_an_option():
    nerv = NeRV(16, 32, 7, strides=(2, 2))
    with_it, without = (
        Canvas(nerv, head_activation=on).at(torch.tensor([0.3]))["head"].maps(range(9))
        for on in (True, False)
    )
    torch.testing.assert_close(with_it, without.tanh())


@pytest.mark.parametrize(
    ("conv", "shuffle", "needs"),
    [
        (nn.Conv2d(2, 4, 3, padding=1, stride=2), 1, "stride 1"),
        (nn.Conv2d(2, 4, 3, padding=2, dilation=2), 1, "dilation 1"),
        (nn.Conv2d(2, 4, 3, padding=1, groups=2), 1, "groups 1"),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), 1, "zero padding"),
        (nn.Conv2d(2, 4, 3), 1, "an output as large as its input"),
        (nn.Conv2d(2, 6, 3, padding=1), 2, "shuffle ≥ 1 that divides its output channels"),
    ],
)
def test_invalid_layers_are_rejected_with_requirements(conv, shuffle, needs):
    with pytest.raises(ValueError, match=f"layer 'a': a canvas needs {needs}"):
        ConvLayer("a", conv, shuffle)


def test_inactive_kernels_are_those_that_carry_nothing():
    conv = torch.nn.Conv2d(3, 4, 3, padding=1)
    with torch.no_grad():
        conv.weight[2, 0] = 0
    x = torch.randn(2, 3, 5, 6)
    x[:, 1] = 0
    layer = Canvas(torch.nn.Sequential(conv), [ConvLayer("a", conv, 2)]).at(x)["a"]
    inactive = layer.inactive.reshape(3, 4)  # input channel, kernel
    assert inactive[1].all()
    assert inactive[0].tolist() == [False, False, True, False]
    assert not inactive[2].any()
    x[0, 1, 2, 3] = 1  # one pixel of one frame is enough
    layer = Canvas(torch.nn.Sequential(conv), [ConvLayer("a", conv, 2)]).at(x)["a"]
    assert not layer.inactive.reshape(3, 4)[1].any()
    assert layer.at(1).inactive.reshape(3, 4)[1].all()
