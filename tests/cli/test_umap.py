"""``xinc umap`` on runs made by hand."""

import json

import numpy as np
import pytest

from xinc_lightning.cli.umap import main


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs of other seeds with two layers and two checkpoints each."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for seed in (1, 2):
        run = tmp_path / f"ffn-{seed:03d}"
        for epoch in (10, 20):
            folder = run / "analyses" / f"epoch={epoch:04d}" / "neuron_clusters"
            folder.mkdir(parents=True)
            for layer in ("layer1", "layer2"):
                np.savez(
                    folder / f"{layer}.npz",
                    architecture="FFN",
                    layer=layer,
                    neighbours=5,
                    neurons=np.arange(20),
                    vectors=random.random((20, 4)).astype(np.float32) + 3 * (layer == "layer2"),
                    cluster_areas=np.array([4, 4, 4, 4]),
                )
        (run / "config.yaml").write_text(f"seed_everything: {seed}\n")
    return tmp_path


def error_of(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(args)
    line = capsys.readouterr().err.strip()
    assert "\n" not in line
    return line.removeprefix("xinc: error: "), stop.value.code


def test_seeds_in_a_panel_for_each_layer(runs, capsys):
    main(["ffn-001", "ffn-002", "--out", "here"])
    assert (runs / "here" / "umap_by_seed.png").is_file()
    record = json.loads((runs / "here" / "umap_by_seed.json").read_text())
    assert record["epochs"] == [20]
    assert set(record["mixing"]) == {"FFN layer1", "FFN layer2"}
    saved = np.load(runs / "here" / "umap_by_seed.npz")
    assert saved["FFN layer1/groups"].tolist() == ["1", "2"]
    assert saved["FFN layer1/positions"].shape == (40, 2)
    assert "40 neurons in 2 groups" in capsys.readouterr().out


def test_layers_in_one_panel(runs):
    main(["ffn-001", "ffn-002", "--by", "layer", "--max_neurons", "10", "--epoch", "10"])
    record = json.loads((runs / "umap" / "umap_by_layer.json").read_text())
    assert record["mixing"] == {"all layers": 0}  # layer2 has nothing in common with layer1
    assert np.load(runs / "umap" / "umap_by_layer.npz")["all layers/positions"].shape == (40, 2)


def test_errors_are_one_line(runs, capsys):
    assert error_of(capsys, "nowhere") == ("umap: there is no run 'nowhere'.", 1)
    assert error_of(capsys, "ffn-001", "--epoch", "15") == (
        "umap: 'ffn-001' has none of epoch 15; it has 10, 20.",
        1,
    )
    assert error_of(capsys, "ffn-001", "--layers", "head") == (
        "umap: the runs have no layer 'head'; they have layer1, layer2.",
        1,
    )
    assert error_of(capsys, "ffn-001", "--by", "colour")[1] == 2
    (runs / "empty").mkdir()
    assert "has no analyses/epoch=NNNN" in error_of(capsys, "empty")[0]
    path = runs / "ffn-002" / "analyses" / "epoch=0020" / "neuron_clusters" / "layer1.npz"
    np.savez(path, **{**np.load(path), "cluster_areas": np.array([8, 4, 2, 2])})
    assert "different gabor clusters" in error_of(capsys, "ffn-001", "ffn-002")[0]
