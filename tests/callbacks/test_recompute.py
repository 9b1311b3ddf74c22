"""One of each result comes out again from what lies in the run's folder and the weights alone: no clip, no seeds."""

import json
from dataclasses import fields

import numpy as np
import pytest
import torch

from xinc_lightning import analyses
from xinc_lightning.analyses.neuron_clusters import CLUSTERS, cluster
from xinc_lightning.callbacks import (
    ContributionMaps,
    ContributionVsIntensity,
    FlowVsFluctuation,
    GroupingVariance,
    NeuronClusters,
    NeuronsPerPixel,
    PixelsPerNeuron,
    PixelsToNeurons,
    Sink,
    ThingsAndStuff,
)
from xinc_lightning.callbacks.base.isolation import undisturbed
from xinc_lightning.callbacks.base.runner import AnalysisRunner
from xinc_lightning.canvas import Canvas
from xinc_lightning.data import Segment
from xinc_lightning.modules import NeRVModule

LAYER = "block3"
LAYERS = {"layers": [LAYER]}


class Folder:
    """Saved results, and the canvas of the saved weights."""

    def __init__(self, folder, checkpoint):
        self.folder = folder
        settings = json.loads((folder / "settings.json").read_text())
        self.options, self.canvas = settings["analyses"], settings["canvas"]
        self.module = NeRVModule.load_from_checkpoint(checkpoint)

    def npz(self, name):
        with np.load(self.folder / f"{name}.npz", allow_pickle=False) as file:
            return dict(file)

    def saved(self, kind):
        """The arrays of one layer, and the result that they were."""
        arrays = self.npz(f"{kind.analysis}/{LAYER}")
        return arrays, kind.from_arrays(arrays)

    def layer(self, *positions):
        options = {name: self.canvas[name] for name in ("neuron", "head_activation")}
        times = torch.cat([self.module.canvas_inputs(position)[1] for position in positions])
        return Canvas(self.module.network, **options).at(times)[LAYER]

    def statistics(self, position=0, **partitions):
        return (
            self.layer(position)
            .reduce(
                {name: torch.from_numpy(labels.astype(np.int64)) for name, labels in partitions.items()},
                self.canvas["thresholds"],
                self.canvas["points"],
            )
            .at(0)
        )


@pytest.fixture(scope="module")
def run(scene, tmp_path_factory, save_checkpoint) -> Folder:
    torch.manual_seed(5)
    root = tmp_path_factory.mktemp("recompute")
    clip = scene.clip
    module = NeRVModule(target_parameters=20_000, clip_shape=[len(clip), clip.height, clip.width])
    callbacks = [
        *(kind(**LAYERS) for kind in (ContributionMaps, ContributionVsIntensity, PixelsPerNeuron)),
        *(kind(**LAYERS) for kind in (NeuronsPerPixel, ThingsAndStuff, PixelsToNeurons)),
        FlowVsFluctuation(max_neurons=20, seed=3, **LAYERS),
        GroupingVariance(shifts=3, seeds=2, max_null_neurons=10, seed=4, convention="released", **LAYERS),
        NeuronClusters(clusters=6, max_neurons=40, seed=8, **LAYERS),
    ]
    with undisturbed(module), Sink(root / "epoch=0007", [], 7, 70) as sink:
        AnalysisRunner(callbacks).run(module, clip, sink, callbacks)
    save_checkpoint(module, clip, root / "last.ckpt")
    return Folder(root / "epoch=0007", root / "last.ckpt")


def assert_same(found, expected):
    assert type(found) is type(expected)
    for field in fields(found):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(one, np.ndarray | float):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7, err_msg=field.name)
        elif isinstance(one, dict):
            assert one.keys() == other.keys()
            for key, value in one.items():
                np.testing.assert_allclose(value, other[key], rtol=1e-4, atol=1e-7, err_msg=key)
        elif field.name not in ("null", "segments"):
            assert one == other, field.name


def test_maps(run):
    _, result = run.saved(analyses.ContributionMapsResult)
    again = analyses.contribution_maps(run.layer(0).at(0), run.statistics(), result.neurons.tolist())
    assert_same(again, result)


def test_intensity(run):
    _, result = run.saved(analyses.ContributionVsIntensityResult)
    picture = torch.from_numpy(result.intensity).expand(3, -1, -1)
    again = analyses.contribution_vs_intensity(run.statistics(), picture)
    assert_same(again, result)


def test_counts(run):
    statistics = run.statistics()
    assert_same(analyses.pixels_per_neuron(statistics), run.saved(analyses.PixelsPerNeuronResult)[1])
    assert_same(analyses.neurons_per_pixel(statistics), run.saved(analyses.NeuronsPerPixelResult)[1])


def test_variance_with_its_null_and_its_spread(run):
    arrays, result = run.saved(analyses.GroupingVarianceResult)
    options, pictures = run.options["GroupingVariance"], run.npz("partitions")
    labels = {name: torch.from_numpy(p.astype(np.int64)) for name, p in pictures.items()}
    names = {name: labels[name] for name in result.scores}
    by_seed = {name: [labels[name], labels[f"{name}_seed1"]] for name in ("rgb", "gabor")}
    layer = run.layer(0).at(0)
    how = {name: options[name] for name in ("std", "convention")}
    sample = arrays["null_neurons"].tolist()
    null = analyses.shift_null(layer, names, sample, options["shifts"], options["seed"], **how)
    medians = analyses.medians_over_seeds(layer, by_seed, sample, **how)
    statistics = run.statistics(**{name: pictures[name] for name in names})
    again = analyses.grouping_variance(statistics, **how, null=null, seed_medians=medians)
    assert_same(again, result)
    assert again.scalars() == pytest.approx(result.scalars(), rel=1e-3, abs=1e-6)


def test_things_and_stuff(run):
    _, result = run.saved(analyses.ThingsAndStuffResult)
    frames = run.npz("frames")
    positions = [frames["indices"].tolist().index(frame) for frame in result.frames]
    masks = [torch.from_numpy(frames["masks"][frames["annotated"].tolist().index(p)]) for p in positions]
    assert all(isinstance(segment, Segment) for segment in result.segments)
    again = analyses.things_and_stuff(
        run.layer(*positions), result.neurons.tolist(), masks, result.segments, result.frames.tolist()
    )
    assert_same(again, result)


def test_fluctuation_of_the_sampled_neurons(run):
    _, result = run.saved(analyses.FlowVsFluctuationResult)
    flow = run.npz("flow_vs_fluctuation/flow")
    assert len(result.sampled) == result.neurons == 20
    changes = [
        run.layer(position - 1, position).changes(result.sampled).pixels[0].numpy()
        for position in flow["positions"].tolist()
    ]
    again = analyses.flow_vs_fluctuation(
        LAYER, np.stack(changes), flow["flow"], flow["frames"], result.sampled.tolist(), result.total_neurons
    )
    np.testing.assert_allclose(again.fluctuation, result.fluctuation, rtol=1e-5)
    assert again.scalars() == pytest.approx(result.scalars(), rel=1e-4)
    np.testing.assert_array_equal(again.moving, result.moving)


def test_clusters_of_neurons(run):
    """UMAP's result depends on the machine: what goes in, and what is made of its positions."""
    _, result = run.saved(analyses.NeuronClustersResult)
    options = run.options["NeuronClusters"]
    labels = run.npz("gabor_clusters")["labels"]
    np.testing.assert_array_equal(result.cluster_areas, np.bincount(labels.ravel()))
    means = run.statistics(gabor=labels).cluster_means("gabor").float().numpy()
    np.testing.assert_allclose(means[result.neurons], result.vectors, rtol=1e-4, atol=1e-6)
    again = cluster(result.positions, CLUSTERS[options["convention"]], options["seed"])
    np.testing.assert_array_equal(again, result.clusters)
    maps = run.layer(0).maps(result.shown)[:, 0].abs().numpy()
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    np.testing.assert_allclose((maps - low) / (high - low), result.maps, rtol=1e-4, atol=1e-5)


def test_strongest_neurons(run):
    _, result = run.saved(analyses.PixelsToNeuronsResult)
    frame, options = run.npz("pixels_to_neurons/frame"), run.options["PixelsToNeurons"]
    again = analyses.pixels_to_neurons(
        run.layer(0).at(0),
        run.statistics(segments=frame["labels"]),
        result.cell,
        options["neurons"],
        options["maps"],
        segments="segments",
    )
    np.testing.assert_array_equal(again.top, result.top)
    np.testing.assert_allclose(again.shares, result.shares, rtol=1e-5)
    np.testing.assert_array_equal(again.favourites, result.favourites)
