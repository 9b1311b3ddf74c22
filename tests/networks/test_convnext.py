"""The encoder, against its equations written once more."""

import math

import numpy as np
import pytest
import torch

from xinc_lightning.networks.convnext import ConvNeXtEncoder


@pytest.mark.parametrize("strides", [[4, 2, 2], [5, 3], [2]])
def test_an_embedding_of_a_frame(strides):
    total = math.prod(strides)
    encoder = ConvNeXtEncoder(strides, channels=8, outputs=5)
    assert encoder(torch.rand(2, 3, 2 * total, 3 * total)).shape == (2, 5, 2, 3)


def test_parameters_counted_by_hand():
    """Downsampling and normalisation, then 7×7, normalisation, two layers and a scale, for 3 → 8 → 5 channels."""
    first = (3 * 16 + 1) * 8 + 2 * 8 + (49 + 1) * 8 + 2 * 8 + (8 + 1) * 32 + (32 + 1) * 8 + 8
    second = 2 * 8 + (8 * 4 + 1) * 5 + (49 + 1) * 5 + 2 * 5 + (5 + 1) * 20 + (20 + 1) * 5 + 5
    encoder = ConvNeXtEncoder([4, 2], channels=8, outputs=5)
    assert sum(p.numel() for p in encoder.parameters()) == first + second


def test_the_papers_encoder_starts_as_published():
    encoder = ConvNeXtEncoder([5, 4, 4, 2, 2])
    weights = {name: p for name, p in encoder.named_parameters() if p.ndim > 1}
    for name, weight in weights.items():
        assert float(weight.detach().std()) == pytest.approx(0.02, rel=0.2), name
    scales = [p for name, p in encoder.named_parameters() if name.endswith("scale")]
    assert len(scales) == 5
    assert all(bool((scale == 1e-6).all()) for scale in scales)


def normalised(x, weight, bias):
    mean, variance = x.mean(0), x.var(0)
    return (x - mean) / np.sqrt(variance + 1e-6) * weight[:, None, None] + bias[:, None, None]


def downsampled(x, weight, bias):
    """A convolution whose stride is the size of its kernel: each patch by itself."""
    s = weight.shape[-1]
    patches = x.reshape(len(x), x.shape[1] // s, s, x.shape[2] // s, s)
    return np.einsum("oiab,iracb->orc", weight, patches) + bias[:, None, None]


def depthwise(x, weight, bias):
    rows, cols = x.shape[1:]
    padded = np.pad(x, ((0, 0), (3, 3), (3, 3)))
    total = np.zeros_like(x) + bias[:, None, None]
    for r in range(7):
        for c in range(7):
            total += weight[:, 0, r, c, None, None] * padded[:, r : r + rows, c : c + cols]
    return total


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def block(x, w):
    y = normalised(depthwise(x, w["depthwise.weight"], w["depthwise.bias"]), w["norm.weight"], w["norm.bias"])
    y = gelu(np.einsum("oi,irc->orc", w["widen.weight"], y) + w["widen.bias"][:, None, None])
    y = np.einsum("oi,irc->orc", w["narrow.weight"], y) + w["narrow.bias"][:, None, None]
    return x + w["scale"][:, None, None] * y


def test_an_independent_forward_pass():
    encoder = ConvNeXtEncoder([3, 2], channels=6, outputs=4).double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)
    w = [{k: v.detach().numpy() for k, v in part.named_parameters()} for part in encoder]
    frame = np.random.default_rng(0).uniform(size=(3, 12, 18))
    x = normalised(downsampled(frame, w[0]["weight"], w[0]["bias"]), w[1]["weight"], w[1]["bias"])
    x = downsampled(normalised(block(x, w[2]), w[3]["weight"], w[3]["bias"]), w[4]["weight"], w[4]["bias"])
    expected = block(x, w[5])
    found = encoder(torch.from_numpy(frame)[None])[0].detach()
    np.testing.assert_allclose(found, expected, atol=1e-9)
