import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from xinc_lightning.canvas import Canvas
from xinc_lightning.canvas.resampling import shuffle_masked
from xinc_lightning.networks import FFN, ConvLayer, LinearLayer, NeRV, pixel_grid

HYPOTHESIS = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def relative(found, expected):
    """Largest difference of a map from the expected one, relative to the latter's own scale."""
    found = found.double().numpy().reshape(expected.shape)
    scale = np.abs(expected).max((-1, -2), keepdims=True)
    return (np.abs(found - expected) / np.where(scale > 0, scale, 1)).max()


def test_golden_nerv(golden, golden_nerv):
    arrays = np.load(golden / "nerv_tiny_maps.npz")
    canvas = Canvas(golden_nerv, head_activation=False).at(torch.from_numpy(arrays["t"]))
    assert canvas.layers == ("block1", "block2", "block3", "head")
    for layer in canvas:
        assert relative(layer.maps(range(layer.neurons)), arrays[layer.name]) < 1e-5
        assert layer.completeness_error() < 1e-6
    head = canvas["head"].maps(range(9)).reshape(3, 3, 16, 32).sum(0)
    assert relative(head, arrays["head_preactivation"]) < 1e-5


def test_golden_ffn(golden):
    arrays = np.load(golden / "ffn_tiny_maps.npz")
    ffn = FFN.from_released(load_file(golden / "ffn_tiny.safetensors"))
    for layer in Canvas(ffn).at(pixel_grid(16, 32)):
        # angles of up to 100 in float32: sines differ by 1e-5 from processor to processor
        assert relative(layer.maps(range(layer.neurons)), arrays[layer.name]) < 2e-5
    weights = Canvas(ffn, neuron="weight").at(pixel_grid(16, 32))["layer3"]
    assert relative(weights.maps(range(24)), arrays["layer3_rgb"]) < 2e-5


def test_golden_cityscapes_ffn(shared_golden):
    arrays = np.load(shared_golden / "ffn_cityscapes_0005_maps.npz")
    ffn = FFN.from_released(load_file(shared_golden / "ffn_cityscapes_0005.safetensors"))
    for layer in Canvas(ffn).at(pixel_grid(128, 256)):
        assert relative(layer.maps(arrays[f"{layer.name}_ids"]), arrays[f"{layer.name}_maps"]) < 1e-5
        statistics = layer.reduce()
        per_neuron, per_pixel = (
            arrays[f"{layer.name}_abs_sum_{what}"] for what in ("per_neuron", "over_neurons")
        )
        np.testing.assert_allclose(
            statistics.absolute_sum[:, 0], per_neuron, rtol=1e-5, atol=1e-5 * per_neuron.max()
        )
        np.testing.assert_allclose(statistics.pixel_sums[0], per_pixel, rtol=1e-5)


@st.composite
def decoders(draw):
    """Specs of one to three convolutions and the size of what enters them."""
    widths = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    specs = []
    size = 1
    for i, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        head = i == len(widths) - 2
        shuffle = draw(st.sampled_from([1, 1, 2] if head else [1, 2, 3, 5]))
        size *= shuffle
        specs.append(
            {
                "inputs": inputs,
                "outputs": 1 if size > 6 else outputs,
                "kernel": (draw(st.integers(1, 4)), draw(st.integers(1, 5))),
                "shuffle": shuffle,
                "activation": draw(st.sampled_from(["gelu", "relu", "tanh", "sine", "cosine", "identity"])),
                "bias": draw(st.booleans()),
            }
        )
    for spec, after in itertools.pairwise(specs):
        after["inputs"] = spec["outputs"]
    return specs, draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 2**31))


@HYPOTHESIS
@given(case=decoders(), head_activation=st.booleans())
def test_conv_maps_agree_with_the_naive_ones(oracle, case, head_activation):
    specs, rows, cols, seed = case
    torch.manual_seed(seed)
    decoder = oracle.Decoder([oracle.Spec(**spec) for spec in specs])
    x = torch.randn(2, specs[0]["inputs"], rows, cols)
    frames = [oracle.decoder(decoder, frame.double().numpy(), head_activation) for frame in x]
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-10)):
        canvas = Canvas(decoder.to(dtype), head_activation=head_activation).at(x)
        for index, layer in enumerate(canvas):
            maps = layer.maps(range(layer.neurons))
            assert maps.dtype == dtype
            for f, expected in enumerate(frames):
                expected = expected[index].reshape(maps[:, f].shape)
                # A map of nothing but rounding errors has no scale of its own.
                scale = np.maximum(np.abs(expected).max((1, 2)), 1e-2 * np.abs(expected).max())[:, None, None]
                assert (np.abs(maps[:, f].double().numpy() - expected) <= tolerance * scale).all()
            assert layer.completeness_error() < 10 * tolerance


def test_blocks_add_up_to_the_next_layers_input():
    nerv = NeRV(16, 32, 7, strides=(2, 2))
    canvas = Canvas(nerv).at(torch.tensor([0.1, 0.7]))
    block = canvas["block1"].terms
    neurons = torch.arange(block.neurons)
    channel = canvas["block1"].labels["channel"]
    masked = shuffle_masked(block.terms(neurons), neurons % 4, 2)
    summed = torch.zeros(int(channel.max()) + 1, *masked.shape[1:]).index_add_(0, channel, masked)
    torch.testing.assert_close(nn.functional.gelu(summed).transpose(0, 1), canvas["block2"].terms.values)


def test_labels_name_every_neuron():
    labels = Canvas(NeRV(16, 32, 7, strides=(2, 2))).at(torch.tensor([0.1]))["block1"].labels
    outputs = 6 * 4
    assert {name: int(label[2 * outputs + 7]) for name, label in labels.items()} == {
        "input": 2,
        "kernel": 7,
        "channel": 1,
        "phase_row": 1,
        "phase_col": 1,
    }


def test_chunks_are_the_maps_in_order():
    layer = Canvas(NeRV(16, 32, 7, strides=(2, 2))).at(torch.tensor([0.1, 0.2]))["block2"]
    chunks = list(layer.chunks(max_bytes=10 * 2 * 16 * 32 * 4))
    assert {len(maps) for _, maps in chunks[:-1]} == {10}
    torch.testing.assert_close(torch.cat([indices for indices, _ in chunks]), torch.arange(layer.neurons))
    torch.testing.assert_close(torch.cat([maps for _, maps in chunks]), layer.maps(range(layer.neurons)))
    (indices, maps), *more = layer.chunks(neurons=[5, 3])
    assert not more
    assert indices.tolist() == [5, 3]
    torch.testing.assert_close(maps, layer.maps([5, 3]))
    assert len(next(iter(layer.chunks(max_bytes=1)))[0]) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_maps_keep_the_networks_dtype(dtype):
    nerv = NeRV(16, 32, 7, strides=(2, 2)).to(dtype)
    for layer in Canvas(nerv).at(torch.tensor([0.25])):
        assert layer.maps([0]).dtype == dtype
        error = layer.completeness_error()
        assert error < 30 * torch.finfo(dtype).eps
        statistics = layer.reduce({"halves": (torch.arange(32) > 15).long().expand(16, 32)})
        totals = layer.maps(range(layer.neurons)).double().abs().sum((2, 3))
        torch.testing.assert_close(statistics.absolute_sum, totals, rtol=1e-5, atol=1e-9)
        torch.testing.assert_close(statistics.cluster_sums["halves"].sum(-1), totals, rtol=1e-5, atol=1e-9)


def test_training_can_continue_after_tracing():
    ffn = FFN(width=6)
    canvas = Canvas(ffn).at(pixel_grid(3, 4))
    before = canvas["layer2"].maps(range(6))
    with torch.no_grad():
        for parameter in ffn.parameters():
            parameter.zero_()
    torch.testing.assert_close(canvas["layer2"].maps(range(6)), before)


def test_importing_the_canvas_is_light():
    heavy = {"numba", "matplotlib", "lightning", "wandb"}
    check = f"import sys, xinc_lightning.canvas; print({heavy} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout.strip()
        == "set()"
    )


def test_errors_name_the_valid_values():
    nerv = NeRV(16, 32, 7, strides=(2, 2))
    canvas = Canvas(nerv).at(torch.tensor([0.1]))
    with pytest.raises(KeyError, match="did you mean 'block1'"):
        canvas["blok1"]
    with pytest.raises(IndexError, match=r"neuron 21 of layer 'head': its neurons are 0 … 17"):
        canvas["head"].maps([21])
    with pytest.raises(ValueError, match="has no canvas_layers"):
        Canvas(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="neuron must be one of input, output, weight"):
        Canvas(nerv, neuron="kernel")
    with pytest.raises(ValueError, match="at least one layer"):
        Canvas(nerv, [])
    with pytest.raises(ValueError, match="two layers are named 'a'"):
        Canvas(nerv, [ConvLayer("a", nerv.head), ConvLayer("a", nerv.head)])
    with pytest.raises(ValueError, match="mix LinearLayer and ConvLayer"):
        Canvas(nerv, [ConvLayer("a", nerv.head), LinearLayer("b", nn.Linear(1, 1))])
    with pytest.raises(ValueError, match="do not flatten"):
        Canvas(FFN(width=4)).at(pixel_grid(3, 4).reshape(-1, 2))


def test_wrong_declaration_is_rejected():
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(1, 3, 3, padding=1))
    layers = [ConvLayer("block", network[0]), ConvLayer("head", network[2])]
    with pytest.raises(ValueError, match=r"'block' declares shuffle=1, .* 'head' receives"):
        Canvas(network, layers).at(torch.ones(1, 1, 2, 3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cpu_and_cuda_agree(dtype):
    nerv = NeRV(16, 32, 9, strides=(2, 2)).to(dtype)
    labels = {"a": torch.randint(0, 5, (16, 32))}
    t = torch.tensor([0.3, 0.4])
    on_cpu = Canvas(nerv).at(t)
    for layer, expected in zip(Canvas(nerv.cuda()).at(t), on_cpu, strict=True):
        assert layer.completeness_error() < 1e-5
        torch.testing.assert_close(
            layer.maps([0, 1]).cpu(), expected.maps([0, 1]), rtol=1e-4, atol=1e-6, check_dtype=True
        )
        found, wanted = layer.reduce(labels), expected.reduce(labels)
        for name in ("absolute_sum", "pixel_sums", "entropy", "tau", "fluctuation"):
            torch.testing.assert_close(
                getattr(found, name).cpu(), getattr(wanted, name), rtol=1e-4, atol=1e-6
            )
        changes = layer.changes().pixels.cpu()
        torch.testing.assert_close(changes, wanted.fluctuation.cpu(), rtol=1e-4, atol=1e-6)
