import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xinc_lightning.canvas import Canvas
from xinc_lightning.canvas.fused import FusedSweep
from xinc_lightning.canvas.reduction import fastest_sweep, reduce_layer
from xinc_lightning.canvas.streams import Partitions
from xinc_lightning.canvas.sweep import TorchSweep
from xinc_lightning.networks import FFN, NeRV, pixel_grid

THRESHOLDS = (0.1, 0.5, 0.9)


def reduce_with(sweep, layer, partitions=None, thresholds=THRESHOLDS, max_bytes=2**16, neurons=None):
    neurons = layer.select(neurons)
    with torch.no_grad():
        sweep = sweep(layer.terms, neurons, max_bytes)
        return reduce_layer(
            layer.name, sweep, layer.terms, neurons, partitions or {}, thresholds, 50, None, False
        )


def check(statistics, expected, tolerance):
    """Compare with the naive statistics of the same maps, which may differ by rounding."""

    def close(found, wanted):
        np.testing.assert_allclose(
            found.numpy(), wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max(initial=0)
        )

    for name in ("signed_sum", "absolute_sum", "minimum", "maximum", "pixel_sums", "fluctuation"):
        close(getattr(statistics, name), getattr(expected, name))
    np.testing.assert_allclose(statistics.entropy.numpy(), expected.entropy, atol=20 * tolerance)
    for name, sums in expected.cluster_sums.items():
        close(statistics.cluster_sums[name], sums)

    # Rounding decides for values at a threshold: what is counted lies between two naive counts.
    sizes, neurons = expected.sizes, len(expected.sizes)
    few, many = ((expected.share > (1 + sign * 5 * tolerance) / neurons).sum((2, 3)) for sign in (1, -1))
    assert (few <= statistics.pixels_per_neuron.numpy()).all()
    assert (statistics.pixels_per_neuron.numpy() <= many).all()
    total = sizes.sum((0, 2, 3))
    for x, tau, above in zip(statistics.thresholds, statistics.tau, statistics.neurons_above, strict=True):
        tau = tau.numpy()[:, None, None]
        low, high = tau * (1 - 5 * tolerance), tau * (1 + 5 * tolerance)
        held = np.where(sizes <= high, sizes, 0).sum((0, 2, 3)) / np.where(total > 0, total, 1)
        held_below = np.where(sizes < low, sizes, 0).sum((0, 2, 3)) / np.where(total > 0, total, 1)
        assert (held >= np.where(total > 0, x, 0) - tolerance).all()
        assert (held_below <= x + tolerance).all()
        assert ((sizes > high).sum(0) <= above.numpy()).all()
        assert (above.numpy() <= (sizes > low).sum(0)).all()


@st.composite
def layers(draw):
    kind = draw(st.sampled_from(["nerv", "ffn", "conv"]))
    frames = draw(st.integers(1, 3))
    return kind, frames, draw(st.integers(0, 2**31)), draw(st.integers(0, 3)), draw(st.booleans())


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(case=layers())
def test_both_sweeps_agree_with_the_naive_statistics(oracle, case):
    kind, frames, seed, which, moving = case
    torch.manual_seed(seed)
    if kind == "nerv":
        network, x = NeRV(12, 10, 3, strides=(2, 1), minimum_channels=2), torch.rand(frames)
    elif kind == "ffn":
        network, x = FFN(width=5), pixel_grid(3 + seed % 3, 1 + seed % 7)
    else:
        names = [oracle.activations[(seed >> 3 * i) % len(oracle.activations)] for i in range(3)]
        network = oracle.Decoder(
            [
                oracle.Spec(2, 3, (3, 3), 1 + seed % 3, names[0], True),
                oracle.Spec(3, 2, (2, 5), 1 + seed // 7 % 3, names[1], False),
                oracle.Spec(2, 1, (1, 3), 1 + seed // 11 % 2, names[2], True),
            ]
        )
        x = torch.randn(frames, 2, 2, 3)
    for sweep, dtype, tolerance in ((FusedSweep, torch.float32, 1e-5), (TorchSweep, torch.float64, 1e-7)):
        canvas = Canvas(network.to(dtype)).at(x)
        layer = list(canvas)[which % len(canvas)]
        maps = layer.maps(range(layer.neurons)).numpy()
        shape = (layer.frames, *layer.shape) if moving else layer.shape
        partitions = {name: torch.randint(0, k, shape) for name, k in (("few", 2), ("many", 40), ("one", 1))}
        expected = oracle.statistics(maps, {k: v.numpy() for k, v in partitions.items()}, THRESHOLDS)
        check(reduce_with(sweep, layer, partitions), expected, tolerance)
        with torch.no_grad():
            taken = sweep(layer.terms, layer.select(None), 2**16)
            changes = taken.changes(taken.chunks())
        scale = tolerance * np.abs(maps).sum()
        np.testing.assert_allclose(changes.pixels.numpy(), expected.fluctuation, rtol=tolerance, atol=scale)
        np.testing.assert_allclose(changes.neurons.numpy(), expected.changes, rtol=tolerance, atol=scale)


def test_float32_and_double_pick_their_sweeps():
    for dtype, sweep in (
        (torch.float32, FusedSweep),
        (torch.float64, TorchSweep),
        (torch.bfloat16, TorchSweep),
    ):
        layer = Canvas(FFN(width=4).to(dtype)).at(pixel_grid(2, 3))["layer1"]
        assert type(fastest_sweep(layer.terms, layer.select(None), 2**20)) is sweep


def test_tau_is_the_same_as_by_sorting(oracle):
    torch.manual_seed(3)
    canvas = Canvas(NeRV(16, 32, 8, strides=(2, 2, 2))).at(torch.tensor([0.2, 0.6]))
    thresholds = (0.01, 0.1, 0.5, 0.9, 1.0)
    for layer in canvas:
        expected = oracle.statistics(layer.maps(range(layer.neurons)).numpy(), {}, thresholds)
        for sweep in (FusedSweep, TorchSweep):
            found = reduce_with(sweep, layer, thresholds=thresholds)
            # The fused sweep rounds a block's maps differently, and with so few values the next one is far.
            same_maps = sweep is TorchSweep or layer.name == "head"
            np.testing.assert_allclose(found.tau.numpy(), expected.tau, rtol=1e-6 if same_maps else 1e-5)
            ranks = np.linspace(0, expected.sizes[:, 0].size - 1, 50).round().astype(int)
            for f in range(2):
                curve = np.sort(expected.sizes[:, f].ravel())[ranks]
                np.testing.assert_allclose(found.curve[f].numpy(), curve, rtol=0.005, atol=1e-9)


@pytest.mark.parametrize("sweep", [FusedSweep, TorchSweep])
def test_degenerate_layers(oracle, sweep):
    decoder = oracle.Decoder([oracle.Spec(2, 2, (1, 1), 1, "identity", True)])
    layer = Canvas(decoder).at(torch.ones(1, 2, 3, 4))["conv0"]
    for weight, bias in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.25), (1e-42, 0.0)):
        with torch.no_grad():
            decoder.convs[0].weight.fill_(weight)
            decoder.convs[0].bias.fill_(bias)
        layer = Canvas(decoder).at(torch.ones(1, 2, 3, 4))["conv0"]
        value = weight + bias / 2
        found = reduce_with(sweep, layer)
        # All four neurons are alike, so that none has more than its share of a quarter.
        assert (found.pixels_per_neuron == 0).all()
        assert (found.neurons_above == 0).all()
        np.testing.assert_allclose(found.tau.numpy(), value, rtol=1e-6, atol=1e-44)
        np.testing.assert_allclose(found.curve.numpy(), value, rtol=1e-6, atol=1e-44)
        np.testing.assert_allclose(found.pixel_sums.numpy(), 4 * value, rtol=1e-6, atol=1e-43)
        if value > 1e-30:
            np.testing.assert_allclose(found.at(0).effective_neurons.numpy(), 4, rtol=1e-5)
        assert torch.isfinite(found.entropy).all()
        assert found.fluctuation.shape == (0, 3, 4)


@pytest.mark.parametrize("sweep", [FusedSweep, TorchSweep])
def test_a_sample_is_treated_as_the_layer(oracle, sweep):
    torch.manual_seed(0)
    layer = Canvas(NeRV(12, 10, 6, strides=(2, 1))).at(torch.tensor([0.5]))["block1"]
    sample = [100, 3, 77, 4, 5]
    found = reduce_with(sweep, layer, neurons=sample)
    assert found.neurons.tolist() == sample
    check(found, oracle.statistics(layer.maps(sample).numpy(), {}, THRESHOLDS), 1e-5)


@pytest.mark.parametrize("sweep", [FusedSweep, TorchSweep])
def test_chunk_size_does_not_matter(sweep):
    layer = Canvas(NeRV(12, 10, 9, strides=(2, 1))).at(torch.tensor([0.5, 0.6]))["block1"]
    one, many = (reduce_with(sweep, layer, max_bytes=size) for size in (2**26, 2**13))
    for field in dataclasses.fields(one):
        found, expected = getattr(one, field.name), getattr(many, field.name)
        if isinstance(found, torch.Tensor):
            torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7, msg=field.name)


def test_sources_kept_from_the_first_pass_change_nothing(monkeypatch):
    layer = Canvas(NeRV(12, 10, 9, strides=(2, 1))).at(torch.tensor([0.5, 0.6]))["block1"]
    kept = reduce_with(FusedSweep, layer)
    monkeypatch.setattr("xinc_lightning.canvas.fused.KEPT_BYTES", 0)
    again = reduce_with(FusedSweep, layer)
    for field in dataclasses.fields(kept):
        found, expected = getattr(kept, field.name), getattr(again, field.name)
        if isinstance(found, torch.Tensor):
            assert torch.equal(found, expected), field.name


@pytest.mark.parametrize("threads", [1, 3])
def test_thread_count_does_not_matter_and_is_restored(threads):
    layer = Canvas(NeRV(12, 10, 9, strides=(2, 1))).at(torch.tensor([0.5]))["block1"]
    expected = reduce_with(TorchSweep, layer)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = reduce_with(FusedSweep, layer)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(found.pixel_sums, expected.pixel_sums, rtol=1e-6, atol=0)
    torch.testing.assert_close(found.tau, expected.tau, rtol=1e-6, atol=0)


def test_golden_released_analyses(golden, golden_nerv):
    maps = np.load(golden / "nerv_tiny_maps.npz")
    arrays = np.load(golden / "nerv_tiny_released_analyses.npz")
    canvas = Canvas(golden_nerv, head_activation=False).at(torch.from_numpy(maps["t"]))
    rows, cols = torch.meshgrid(torch.arange(16), torch.arange(32), indexing="ij")
    partitions = {"labels": torch.from_numpy(arrays["labels"]), "lattice": rows % 4 * 8 + cols % 8}
    for name in ("head", "block3"):
        statistics = canvas[name].reduce(partitions)
        counts = np.sort(arrays[f"{name}_pixels_per_neuron"])
        np.testing.assert_array_equal(np.sort(statistics.pixels_per_neuron[:, 0].numpy()), counts)
        for partition, wanted, convention in (
            ("labels", arrays[f"{name}_ratio"], np.abs),
            ("lattice", arrays[f"{name}_ratio_lattice4x8"], np.negative),  # released as (actual − expected)
        ):
            areas = statistics.cluster_areas[partition][0] / (16 * 32)
            share = areas * statistics.absolute_sum
            ratio = (share - statistics.cluster_sums[partition][:, 0]) / share
            np.testing.assert_allclose(convention(ratio.numpy()), wanted, atol=1e-5)
    np.testing.assert_allclose(
        statistics.tau[:, 0].numpy(),
        [arrays["block3_threshold_10"], arrays["block3_threshold_50"]],
        rtol=1e-6,
    )


def test_progress_and_interruption():
    layer = Canvas(NeRV(12, 10, 9, strides=(2, 1))).at(torch.tensor([0.5]))["block1"]
    layer.reduce(progress=True)
    sweep = FusedSweep(layer.terms, layer.select(None), 2**20)

    def interrupt(chunks):
        yield from chunks[:1]
        raise KeyboardInterrupt

    before = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt), sweep.settings():
        sweep.sums(
            sweep.chunks(), Partitions.of({}, layer.frames, layer.shape, torch.device("cpu")), interrupt
        )
    assert torch.get_num_threads() == before
    torch.testing.assert_close(layer.reduce().pixel_sums, layer.reduce().pixel_sums, rtol=1e-12, atol=0)


def test_errors_name_the_valid_values():
    layer = Canvas(FFN(width=4)).at(pixel_grid(3, 5))["layer1"]
    with pytest.raises(
        ValueError, match=r"partition 'grid' is \(5, 3\); the maps need \(3, 5\) or \(1, 3, 5\)"
    ):
        layer.reduce({"grid": torch.zeros(5, 3, dtype=torch.long)})
    with pytest.raises(ValueError, match="labels must be integers"):
        layer.reduce({"grid": torch.zeros(3, 5)})
    with pytest.raises(ValueError, match="labels must be at least 0"):
        layer.reduce({"grid": torch.full((3, 5), -1)})
    with pytest.raises(ValueError, match=r"thresholds must be .* \(0, 1\], got 10"):
        layer.reduce(thresholds=(10,))
    with pytest.raises(ValueError, match="give at least one"):
        layer.reduce(neurons=[])


ONE_PROCESS = """
import dataclasses, sys, torch
from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import NeRV

rank, path = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", init_method=f"file://{path}/store", rank=rank, world_size=2)
torch.manual_seed(0)
layer = Canvas(NeRV(12, 10, 9, strides=(2, 1))).at(torch.tensor([0.5, 0.6]))["block1"]
labels = torch.arange(120).reshape(12, 10) % 7
statistics = layer.reduce({"a": labels}, max_bytes=2**15, group=torch.distributed.group.WORLD)
torch.save({f.name: getattr(statistics, f.name) for f in dataclasses.fields(statistics)}, f"{path}/{rank}.pt")
torch.distributed.destroy_process_group()
"""


def test_processes_divide_the_work(tmp_path):
    command = [sys.executable, "-c", ONE_PROCESS]
    processes = [subprocess.Popen([*command, str(rank), str(tmp_path)]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    torch.manual_seed(0)
    layer = Canvas(NeRV(12, 10, 9, strides=(2, 1))).at(torch.tensor([0.5, 0.6]))["block1"]
    expected = layer.reduce({"a": torch.arange(120).reshape(12, 10) % 7})
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt")
        for name, value in found.items():
            if isinstance(value, torch.Tensor):
                torch.testing.assert_close(value, getattr(expected, name), rtol=1e-5, atol=1e-6, msg=name)
        torch.testing.assert_close(
            found["cluster_sums"]["a"], expected.cluster_sums["a"], rtol=1e-5, atol=1e-9
        )


def test_inference_mode_makes_no_difference():
    """Lightning validates and tests in inference mode, which does not reach other threads."""
    nerv = NeRV(12, 10, 9, strides=(2, 1))
    expected = Canvas(nerv).at(torch.tensor([0.5]))["block1"].reduce()
    with torch.inference_mode():
        layer = Canvas(nerv).at(torch.tensor([0.5]))["block1"]
        found = layer.reduce({"a": torch.zeros(12, 10, dtype=torch.long)})
        reference = reduce_with(TorchSweep, layer)
        assert layer.completeness_error() < 1e-5
    torch.testing.assert_close(found.tau, expected.tau)
    torch.testing.assert_close(found.pixel_sums, reference.pixel_sums, rtol=1e-5, atol=0)
    assert not found.pixel_sums.is_inference()


def test_no_thresholds_skip_a_pass():
    layer = Canvas(NeRV(12, 10, 9, strides=(2, 1))).at(torch.tensor([0.5]))["block1"]
    statistics = layer.reduce(thresholds=())
    assert statistics.neurons_above.shape == (0, 1, 12, 10)
    assert torch.equal(statistics.pixels_per_neuron, layer.reduce().pixels_per_neuron)
