"""Paired comparisons of settings."""

import pytest

from xinc_lightning.runs.reader import read_run
from xinc_lightning.studies.pairs import pairs_of
from xinc_lightning.studies.population import population


def of(*paths):
    return pairs_of(population([read_run(path) for path in paths]))


def auc(layer, value):
    return {f"flow_vs_fluctuation/{layer}/auc": value}


def differences(pair):
    return {(one.place, one.name): one for one in pair.differences}


def test_differences_are_clip_by_clip_and_layers_match_by_depth(write_run):
    runs = [
        write_run("nerv-001", psnr=30, scalars=auc("head", 0.8)),
        write_run("nerv-002", psnr=32, seed=2, scalars=auc("head", 0.6)),
        write_run("nerv-003", psnr=40, path="bikes", scalars=auc("head", 0.9)),
        write_run("ffn-001", "FFN", psnr=29, frames=[0], scalars=auc("layer3", 0.5)),
        write_run("ffn-002", "FFN", psnr=43, path="bikes", scalars=auc("layer3", 0.8)),
        write_run("ffn-003", "FFN", psnr=90, path="carphone"),
    ]
    by_size, by_quality = of(*runs)
    assert (by_size.first, by_size.second, by_size.condition) == ("NeRV", "FFN", "bpp")
    assert (by_size.clips, by_size.unmatched) == (2, 0), "carphone has no NeRV"
    found = differences(by_size)
    assert found["", "psnr"].values == (2, -3)
    assert found["", "psnr"].estimate.mean == -0.5
    assert found["head | layer3", "auc"].values == pytest.approx((0.2, 0.1))
    assert (by_quality.clips, by_quality.unmatched, by_quality.differences) == (0, 2, ())


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            {
                "SIREN": ["layer1", "layer2", "layer3", "layer4", "layer5"],
                "FFN": ["layer1", "layer2", "layer3"],
            },
            {"layer5 | layer3": 2.0, "layer4 | layer2": 2.0, "layer3 | layer1": 2.0},
        ),
        (
            {"HNeRV": ["stem", "block1", "block2", "head"], "NeRV": ["block1", "head"]},
            {"head": 2.0, "block2 | block1": 2.0},
        ),
    ],
)
def test_layers_of_one_name_in_two_architectures_match_by_depth_too(write_run, layers, expected):
    """A layer's value is its place from the input: SIREN's layer 3 corresponds to FFN's layer 1, not to its layer 3."""
    runs = []
    for architecture, names in layers.items():
        values = {f"flow_vs_fluctuation/{name}/auc": float(place) for place, name in enumerate(names)}
        runs.append(write_run(f"{architecture}-001", architecture, frames=[0], scalars=values))
    by_size, _ = of(*runs)
    found = {place: one.values for (place, name), one in differences(by_size).items() if name == "auc"}
    assert found == {place: (value,) for place, value in expected.items()}


def test_sizes_that_differ_are_not_matched(write_run):
    sizes = [16.0, 16.5, 32.0]
    pairs = of(*(write_run(f"nerv-{n}", bpp=bpp) for n, bpp in enumerate(sizes)))
    matched = [pair for pair in pairs if pair.condition == "bpp" and pair.clips]
    assert [(pair.first, pair.second) for pair in matched] == [
        ("NeRV · target_bpp=16.0", "NeRV · target_bpp=16.5")
    ]


def test_at_matched_psnr_the_better_run_is_looked_at_earlier(write_run):
    """The larger network has the smaller one's 30 dB at epoch 10, and 31 at its end."""
    small = write_run("nerv-001", bpp=16.0, psnr=30, epochs=(20,), scalars=auc("head", 0.5))
    large = write_run("nerv-002", bpp=32.0, psnr=31, epochs=(10, 20), scalars=auc("head", 0.7))
    _, pair = of(small, large)
    assert (pair.condition, pair.clips) == ("psnr", 1)
    found = differences(pair)
    assert found["", "psnr"].values == (0,)
    assert found["head", "auc"].values == pytest.approx((-0.2,))
    assert set(found) == {("", "psnr"), ("head", "auc")}, "sizes are of the network at its end"


def test_settings_without_a_common_clip_are_no_pair(write_run):
    assert of(write_run("nerv-001"), write_run("ffn-001", "FFN", path="bikes")) == []
