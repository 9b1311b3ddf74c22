"""What the analyses know about each neuron: in a file at every checkpoint, in W&B once, on a page for a browser."""

import csv
import json

import numpy as np
import pytest
import torch

from xinc_lightning.analyses.neuron_table import NeuronTable
from xinc_lightning.callbacks import (
    AnalysisContext,
    ContributionMaps,
    GroupingVariance,
    NeuronClusters,
    PixelsPerNeuron,
    Sink,
    WandbRun,
)
from xinc_lightning.loggers.wandb_session import neuron_table


def test_the_table_has_the_neurons_with_pictures_and_their_pictures():
    table = NeuronTable()
    table.add("head", range(5), a=range(5))
    table.add("head", [1, 3], thumbnail=np.full((2, 4, 8), 200, np.uint8))
    logged = neuron_table(table)
    assert logged.columns == ["layer", "neuron", "a", "thumbnail"]
    assert [row[:3] for row in logged.data] == [["head", 1, 1], ["head", 3, 3]]
    for row in logged.data:
        assert row[3].image.size == (8, 4)
        assert np.asarray(row[3].image).min() == np.asarray(row[3].image).max() == 200


def test_a_table_without_pictures_still_has_all_rows():
    table = NeuronTable()
    table.add("head", range(5), a=range(5))
    logged = neuron_table(table)
    assert logged.columns == ["layer", "neuron", "a"]
    assert len(logged.data) == 5


@pytest.fixture
def evaluate(tmp_path, nerv, scene):
    """Runs four analyses as a checkpoint would."""

    def run(epoch, last, loggers=()):
        callbacks = (
            ContributionMaps(),
            GroupingVariance(shifts=0),
            PixelsPerNeuron(),
            NeuronClusters(clusters=8, max_neurons=30),
        )
        context = AnalysisContext(
            nerv, scene.clip, epoch, [callback.needs(scene.clip) for callback in callbacks]
        )
        folder = tmp_path / "analyses" / f"epoch={epoch:04d}"
        with torch.no_grad(), Sink(folder, loggers, epoch, 0, last) as sink:
            for callback in callbacks:
                callback.analyse(context, sink)
        return folder, context

    return run


def test_every_neuron_of_every_layer_is_in_the_file(evaluate):
    folder, context = evaluate(1, last=False)
    with (folder / "neurons.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert not (folder / "neurons.html").exists()
    assert len(rows) == sum(context.canvas(layer, 0).neurons for layer in context.layers)
    saved = np.load(folder / "neuron_clusters" / "block3.npz")
    variance = np.load(folder / "variance" / "block3.npz")
    here = [row for row in rows if row["layer"] == "block3"]
    totals = context.statistics("block3", 0).absolute_sum
    labels = context.canvas("block3", 0).labels
    for place, row in enumerate(here):
        assert int(row["neuron"]) == place
        assert float(row["absolute_sum"]) == pytest.approx(float(totals[place]), rel=1e-6)
        assert row["dead"] == str(bool(totals[place] == 0))
        assert float(row["variance_rgb"]) == pytest.approx(variance["scores_rgb"][place], rel=1e-6)
        for name, values in labels.items():
            assert int(row[name]) == int(values[place])
    embedded = {int(row["neuron"]): row for row in here if row["cluster"]}
    assert sorted(embedded) == saved["neurons"].tolist()
    for neuron, cluster, (x, y) in zip(saved["neurons"], saved["clusters"], saved["positions"], strict=True):
        row = embedded[int(neuron)]
        assert int(row["cluster"]) == cluster
        assert (float(row["umap_x"]), float(row["umap_y"])) == pytest.approx((x, y), rel=1e-5)


def test_last_evaluation_logs_one_table_and_one_page(evaluate, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    logger = WandbRun(save_dir=str(tmp_path))
    evaluate(1, False, [logger])
    folder, _ = evaluate(2, True, [logger])
    logger.close()
    (offline,) = (tmp_path / "wandb").glob("offline-run-*")
    media = offline / "files" / "media"
    (table,) = media.rglob("*.table.json")
    read = json.loads(table.read_text())
    assert {"layer", "neuron", "dead", "absolute_sum", "variance_rgb", "pixels", "cluster", "umap_x"} <= set(
        read["columns"]
    )
    assert read["columns"][-1] == "thumbnail"
    assert {row[0] for row in read["data"]} == {"block1", "block2", "block3", "head"}
    (page,) = media.rglob("*.html")
    written = (folder / "neurons.html").read_text()
    assert "const data = {" in written
    assert "const data = {" in page.read_text()
