import torch

from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import FFN, pixel_grid


def test_cluster_means_are_those_of_normalised_maps():
    torch.manual_seed(0)
    ffn = FFN(width=6)
    with torch.no_grad():
        ffn.layers[1].weight[:, 2] = 0  # a dead neuron, whose map has no span
        ffn.layers[1].bias.zero_()
    layer = Canvas(ffn).at(pixel_grid(5, 7))["layer2"]
    labels = torch.randint(0, 3, (5, 7)) * 2  # clusters 1 and 3 have no pixels
    means = layer.reduce({"labels": labels}).at(0).cluster_means("labels")
    sizes = layer.maps(range(6))[:, 0].abs().double()
    low, high = sizes.amin((1, 2), keepdim=True), sizes.amax((1, 2), keepdim=True)
    for cluster in range(5):
        expected = ((sizes - low) / (high - low))[:, labels == cluster].mean(1)
        if cluster % 2:
            expected = torch.zeros(6)
        expected = expected.double().where((high > low)[:, 0, 0], 0)
        torch.testing.assert_close(means[:, cluster], expected, rtol=1e-5, atol=1e-7)
