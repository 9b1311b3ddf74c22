"""Taking kernels out."""

import copy

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.pruning import apply, fold_means, masks_of, scores_of, shares_kept

NONE = torch.empty(0)


def kept_at_random(module, share: float, unit: str) -> dict[str, torch.Tensor]:
    return {name: s > share for name, s in scores_of(module, "random", [0], NONE).items()} | (
        {}
        if unit == "kernel"
        else {name: s[:, 0] > share for name, s in scores_of(module, "random", [0], NONE).items()}
    )


@torch.no_grad()
def test_pruned_kernels_are_zero_and_the_others_as_they_were(nerv):
    kept = kept_at_random(nerv, 0.5, "kernel")
    before = copy.deepcopy(nerv)
    masks = masks_of(nerv, kept)
    apply(nerv, masks)
    for layer, old in zip(nerv.layer_weights(), before.layer_weights(), strict=True):
        mask = masks[layer.name].kernels
        assert not (mask & ~kept.get(layer.name, mask)).any()
        assert torch.equal(layer.kernels, old.kernels * mask[..., None])


@pytest.mark.parametrize("kind", ["nerv", "ffn"])
@torch.no_grad()
def test_what_goes_with_a_channel_changes_no_pixel(kind, request):
    module = request.getfixturevalue(kind)
    kept = kept_at_random(module, 0.6, "channel")
    by_hand = copy.deepcopy(module)
    for layer in by_hand.layer_weights():
        if layer.name in kept:
            layer.kernels.mul_(kept[layer.name][:, None, :, None])
    expected = by_hand.reconstruct()
    masks = masks_of(module, kept)
    apply(module, masks)
    torch.testing.assert_close(module.reconstruct(), expected, rtol=0, atol=1e-6)
    first, *_, last = masks.values()
    assert not first.outputs.all()  # the stem, or the layer before, loses the outputs that fed what is gone
    assert last.outputs.all()


@torch.no_grad()
def test_shares_count_what_is_zero(nerv):
    masks = masks_of(nerv, kept_at_random(nerv, 0.3, "channel"))
    kernels, parameters = shares_kept(nerv, masks)
    apply(nerv, masks)
    layers = nerv.layer_weights()
    nonzero = sum(int((p != 0).sum()) for layer in layers for p in (layer.weight, layer.bias))
    total = sum(p.numel() for layer in layers for p in (layer.weight, layer.bias))
    assert parameters == pytest.approx(nonzero / total)
    convs = [layer.kernels for layer in layers if layer.prunable]
    assert kernels == pytest.approx(
        sum(int(k.any(3).sum()) for k in convs) / sum(k[..., 0].numel() for k in convs)
    )


@torch.no_grad()
def test_folded_means_keep_the_mean_of_a_layer(nerv):
    """Of one layer alone, whose input stays as it is: its mean output over these frames is the same as before."""
    kept = {"block1": scores_of(nerv, "random", [0], NONE)["block1"] > 0.5}
    block = nerv.network.blocks[0].conv
    inputs = []
    handle = block.register_forward_hook(lambda _, args, output: inputs.append(args[0]))
    nerv.network(nerv.times(torch.tensor([0, 2])))
    handle.remove()
    mean = F.conv2d(inputs[0], block.weight, block.bias, padding=1).mean((0, 2, 3))
    masks = masks_of(nerv, kept)
    fold_means(nerv, masks, [0, 2])
    apply(nerv, masks)
    after = F.conv2d(inputs[0], block.weight, block.bias, padding=1).mean((0, 2, 3))
    torch.testing.assert_close(after, mean, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_folded_means_of_each_network_of_an_ffn(ffn):
    network, grid = ffn.canvas_inputs(1)
    features = network.encoding(grid).flatten(0, 1)
    mean = network.layers[0](features).mean(0)
    masks = masks_of(ffn, {"layer1": scores_of(ffn, "random", [0], NONE)["layer1"] > 0.5})
    fold_means(ffn, masks, [0])
    apply(ffn, masks)
    network, _ = ffn.canvas_inputs(1)
    torch.testing.assert_close(network.layers[0](features).mean(0), mean, rtol=1e-4, atol=1e-5)
