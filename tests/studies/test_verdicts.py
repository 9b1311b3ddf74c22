"""Findings and verdicts, on runs of which every number is known."""

import math
from dataclasses import replace

import numpy as np
import pytest

from xinc_lightning.runs.reader import read_run
from xinc_lightning.studies.bootstrap import NOTHING
from xinc_lightning.studies.population import population
from xinc_lightning.studies.verdicts import answers, seed_mixing, verdict_of


@pytest.mark.parametrize(
    ("low", "high", "clips", "verdict"),
    [
        (0.1, 0.2, 6, "holds"),
        (-0.1, 0.2, 6, "undecided"),
        (-0.2, 0.0, 6, "does not hold"),
        (0.0, 0.2, 6, "undecided"),
        (0.1, 0.2, 5, "undecided"),
        (1.0, 1.2, 6, "does not hold"),
        (math.nan, math.nan, 1, "undecided"),
    ],
)
def test_verdict_is_of_the_interval_and_needs_six_clips(low, high, clips, verdict):
    assert verdict_of(replace(NOTHING, low=low, high=high, clips=clips), 0, 1) == verdict


def test_ratios_are_averaged_as_factors(write_run):
    """Rectangles are 2 and 8 times the lattice, in turn, in six clips."""
    paths = [
        write_run(
            f"nerv-{n}",
            path=f"clip{n}",
            scalars={"variance/head/grid_median": 0.2 if n % 2 else 0.8, "variance/head/lattice_median": 0.1},
        )
        for n in range(6)
    ]
    (one,) = answers(population([read_run(path) for path in paths]))
    assert one.finding.name == "grid above the lattice"
    assert one.estimate.mean == pytest.approx(4)
    assert one.estimate.least == pytest.approx(2)
    assert sorted(one.values) == pytest.approx([2, 2, 2, 8, 8, 8])
    assert (one.agreeing, one.verdict) == (6, "holds")


def test_a_clip_agrees_by_the_mean_of_its_seeds(write_run):
    paths = [
        write_run(f"nerv-{n}", seed=n, path=path, scalars={"intensity/head/edge_correlation": value})
        for n, (path, value) in enumerate([("bunny", 0.5), ("bunny", -0.6), ("bikes", 0.1)])
    ]
    (one,) = answers(population([read_run(path) for path in paths]))
    assert one.agreeing == 1
    assert one.estimate.mean == pytest.approx(0.025)


def test_findings_measure_what_they_say(write_run):
    head = {
        **{"instances_median": 0.3, "rgb_median": 0.2, "gabor_median": 0.4, "grid_median": 0.1},
        **{"lattice_median": 0.01, "rgb_effect": 3.0, "grid_effect": 1.5},
    }
    scalars = {f"variance/head/{name}": value for name, value in head.items()}
    scalars |= {"pixels_per_neuron/head/median_share": 0.5, "pixels_per_neuron/block1/median_share": 0.2}
    scalars |= {"flow_vs_fluctuation/block1/auc": 0.9, "intensity/head/intensity_correlation": None}
    found = answers(population([read_run(write_run("nerv-001", scalars=scalars))]))
    values = {(one.finding.name, one.layer): one.values for one in found}
    expected = {
        ("colours above their null", "head"): 3.0,
        ("content above the lattice", "head"): 20.0,
        ("content above the grid", "head"): 2.0,
        ("grid above the lattice", "head"): 10.0,
        ("space-agnostic", "head"): 1.5,
        ("last layer has most pixels", "head"): 0.3,
        ("motion, moving pixels", "block1"): 0.9,
    }
    assert {key: pytest.approx(value) for key, (value,) in values.items()} == expected
    assert {one.verdict for one in found} == {"undecided"}, "one clip proves nothing"


def test_findings_about_the_ffn_are_not_asked_of_a_nerv(write_run):
    scalars = {f"maps/layer2/{name}": 0.5 for name in ("no_contribution", "inactive")}
    runs = [read_run(write_run("ffn-001", "FFN", scalars=scalars | {"maps/layer1/inactive": 0.5}))]
    assert [(a.finding.name, a.layer) for a in answers(population(runs))] == [
        ("half of layer 2 has no contribution", "layer2"),
        ("half of layer 2 is dead", "layer2"),
    ]


def write_vectors(run, layer, vectors, areas=(5, 5)):
    folder = run / "analyses" / "epoch=0010" / "neuron_clusters"
    folder.mkdir(exist_ok=True)
    np.savez(
        folder / f"{layer}.npz",
        architecture=np.array("NeRV"),
        layer=np.array(layer),
        neighbours=np.array(5),
        cluster_areas=np.array(areas),
        neurons=np.arange(len(vectors)),
        vectors=vectors,
    )


def test_mixing_is_of_the_seeds_of_one_clip(write_run):
    """The first clip's seeds have the same neurons in the head, others in block 1; the second has one seed."""
    random = np.random.default_rng(0)
    paths = [write_run("nerv-001"), write_run("nerv-002", seed=2), write_run("nerv-003", path="bikes")]
    for number, path in enumerate(paths):
        write_vectors(path, "head", random.normal(size=(200, 2)))
        write_vectors(path, "block1", random.normal(size=(200, 2)) + 100 * number)
    found = seed_mixing(population([read_run(path) for path in paths]), "NeRV")
    ((clip, head),) = found["head"]
    assert clip == 0
    assert head == pytest.approx(1, abs=0.1)
    assert found["block1"] == [(0, 0.0)]


@pytest.mark.parametrize("neurons", [100, 400])
def test_mixing_does_not_depend_on_how_many_neurons_there_are(neurons, write_run):
    """Each seed has half of its neurons to itself, close together, and shares the others' place with the other seed."""
    random = np.random.default_rng(0)
    paths = [write_run("nerv-001"), write_run("nerv-002", seed=2)]
    for number, path in enumerate(paths):
        own = random.normal(size=(neurons // 2, 2)) + 100 * (number + 1)
        write_vectors(path, "head", np.concatenate([own, random.normal(size=(neurons // 2, 2))]))
    ((_, value),) = seed_mixing(population([read_run(path) for path in paths]), "NeRV")["head"]
    assert value == pytest.approx(0.5, abs=0.05)


def test_seeds_with_other_gabor_clusters_are_not_mixed(write_run):
    paths = [write_run("nerv-001"), write_run("nerv-002", seed=2)]
    for path, areas in zip(paths, [(5, 5), (4, 6)], strict=True):
        write_vectors(path, "head", np.zeros((5, 2)), areas)
    assert seed_mixing(population([read_run(path) for path in paths]), "NeRV") == {}
