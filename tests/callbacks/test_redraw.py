"""What lies in an analysis folder is enough to draw every figure again, without the network."""

import json

import numpy as np
import pytest
from PIL import Image

from xinc_lightning import figures
from xinc_lightning.analyses import (
    ContributionMapsResult,
    ContributionVsIntensityResult,
    FlowVsFluctuationResult,
    GroupingVarianceResult,
    NeuronClustersResult,
    NeuronsPerPixelResult,
    PixelsPerNeuronResult,
    ThingsAndStuffResult,
)
from xinc_lightning.callbacks import (
    ContributionMaps,
    ContributionVsIntensity,
    FlowVsFluctuation,
    GroupingVariance,
    NeuronClusters,
    NeuronsPerPixel,
    PixelsPerNeuron,
    Reconstructions,
    Sink,
    ThingsAndStuff,
)
from xinc_lightning.callbacks.base.isolation import undisturbed
from xinc_lightning.callbacks.base.runner import AnalysisRunner
from xinc_lightning.modules import NeRVModule

pytestmark = pytest.mark.drawn

ALL = (
    *(Reconstructions, ContributionMaps, GroupingVariance, ContributionVsIntensity, PixelsPerNeuron),
    *(NeuronsPerPixel, ThingsAndStuff, FlowVsFluctuation, NeuronClusters),
)


class Saved:
    """A folder of results, read with NumPy and JSON alone."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = json.loads((folder / "settings.json").read_text())
        self.frames = self.npz("frames")
        self.layers = ["block3", "head"]

    def npz(self, name):
        with np.load(self.folder / f"{name}.npz", allow_pickle=False) as file:
            return dict(file)

    def results(self, kind, name, layers):
        return [kind.from_arrays(self.npz(f"{name}/{layer}")) for layer in layers]

    def pictures(self, positions):
        places = [self.frames["positions"].tolist().index(p) for p in positions]
        return self.frames["pictures"][places] / 255

    def masks(self, positions):
        return self.frames["masks"][[self.frames["annotated"].tolist().index(p) for p in positions]]


@pytest.fixture(scope="module")
def saved(scene, tmp_path_factory):
    """All analyses of one evaluation, as the trainer's hooks would make them."""
    layers = ["block3", "head"]
    callbacks = [
        *(
            cls(layers=layers)
            for cls in ALL
            if cls not in (Reconstructions, GroupingVariance, NeuronClusters)
        ),
        Reconstructions(),
        GroupingVariance(layers=layers, shifts=2, epochs=[1]),
        NeuronClusters(layers=layers, clusters=6, max_neurons=40),
    ]
    nerv = NeRVModule(target_parameters=20_000, clip_shape=[len(scene.clip), *scene.clip.frames.shape[2:]])
    nerv.size_for(len(scene.clip), *scene.clip.frames.shape[2:])
    folder = tmp_path_factory.mktemp("analyses") / "epoch=0007"
    with undisturbed(nerv), Sink(folder, [], 7, 70) as sink:
        AnalysisRunner(callbacks).run(nerv, scene.clip, sink, callbacks)
    return Saved(folder)


def redrawn(saved, layers, title):
    """Every kind of figure, by file."""
    first = saved.pictures([0])[0]
    yield (
        "variance",
        figures.grouping_variances(
            saved.results(GroupingVarianceResult, "variance", layers), title("variance")
        ),
    )
    yield (
        "intensity",
        figures.contributions_vs_intensity(
            saved.results(ContributionVsIntensityResult, "intensity", layers), first, title("intensity")
        ),
    )
    results = saved.results(PixelsPerNeuronResult, "pixels_per_neuron", layers)
    yield "pixels_per_neuron", figures.pixels_per_neuron_curves(results, title("pixels_per_neuron"))
    results = saved.results(NeuronsPerPixelResult, "neurons_per_pixel", layers)
    yield "neurons_per_pixel", figures.neurons_per_pixel_maps(results, first, title("neurons_per_pixel"))
    name = "contribution_distribution"
    yield name, figures.contribution_distributions(results, title(name))
    results = saved.results(ThingsAndStuffResult, "things_and_stuff", layers)
    positions = [saved.settings["clip"]["indices"].index(i) for i in results[0].frames]
    yield (
        "things_and_stuff",
        figures.shares_of_segments(
            results, saved.pictures(positions), saved.masks(positions), title("things_and_stuff")
        ),
    )
    flow = saved.npz("flow_vs_fluctuation/flow")
    yield (
        "flow_vs_fluctuation",
        figures.flow_beside_fluctuation(
            saved.results(FlowVsFluctuationResult, "flow_vs_fluctuation", layers),
            flow["flow"],
            saved.pictures(flow["positions"]),
            title("flow_vs_fluctuation"),
        ),
    )
    arrays = saved.npz("reconstructions")
    truth, stored = (arrays[key].astype(np.float32) for key in ("truth", "stored"))
    yield (
        "reconstructions",
        figures.truth_and_reconstruction(truth, stored, arrays["labels"].tolist(), title("reconstructions")),
    )
    for folder, kind, draw in (
        ("maps", ContributionMapsResult, figures.contact_sheet),
        ("neuron_clusters", NeuronClustersResult, figures.clusters_with_maps),
    ):
        for layer in layers:
            name = f"{folder}/{layer}"
            yield name, draw(kind.from_arrays(saved.npz(name)), first, title(name))


def test_every_figure_can_be_redrawn_from_its_arrays(saved):
    found = {}
    for name, figure in redrawn(saved, saved.layers, saved.settings["titles"].__getitem__):
        found[name] = figures.rasterize(figure).astype(int)
    assert set(found) == set(saved.settings["titles"])
    for name, again in found.items():
        original = np.asarray(Image.open(saved.folder / f"{name}.png")).astype(int)
        assert original.shape == again.shape, name
        assert np.abs(original - again).mean() < 0.2, name  # frames are kept as bytes, stored ones as float16
        assert original.std() > 5, name


def test_settings_hold_all_options(saved, scene):
    settings = saved.settings
    assert settings["epoch"] == 7
    assert {"xinc_lightning", "torch", "numpy", "umap-learn", "lightning"} <= set(settings["versions"])
    assert settings["clip"]["name"] == "scene"
    assert settings["clip"]["indices"] == list(scene.clip.indices)
    assert (settings["clip"]["height"], settings["clip"]["width"]) == (48, 96)
    assert settings["network"]["architecture"] == "NeRV"
    assert settings["network"]["hyperparameters"]["target_parameters"] == 20_000
    assert settings["canvas"]["thresholds"] == [0.1, 0.5]
    assert settings["canvas"]["max_neurons"] is None
    assert (settings["canvas"]["neuron"], settings["canvas"]["head_activation"]) == ("input", True)
    assert set(settings["analyses"]) == {cls.__name__ for cls in ALL}
    assert settings["analyses"]["GroupingVariance"] == {
        "partitions": ["instances", "rgb", "gabor", "grid", "lattice"],
        "grid": [4, 8],
        "std": False,
        "convention": "paper",
        "shifts": 2,
        "seeds": 3,
        "max_null_neurons": 128,
        "layers": ["block3", "head"],
        "frame": 0,
        "seed": 0,
        "every_n_epochs": None,
        "epochs": [1],
        "log_spaced": None,
        "at_checkpoints": False,
        "strict": False,
    }
    assert {"clusters", "max_neurons", "seed"} <= set(settings["analyses"]["NeuronClusters"])
    seconds = json.loads((saved.folder / "seconds.json").read_text())
    assert set(seconds) == set(settings["analyses"])
    assert min(seconds.values()) > 0
    assert "errors" not in settings
