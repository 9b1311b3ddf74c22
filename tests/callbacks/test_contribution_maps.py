"""Which neurons are shown, that they stay the same ones, and how a strip follows them."""

import numpy as np
import pytest
import torch

from xinc_lightning.callbacks import AnalysisContext, ContributionMaps, Sink


@pytest.fixture
def evaluate(tmp_path, nerv, scene):
    """Analyses the network as a checkpoint of this epoch would."""

    def run(callback, epoch, last=False, run="run"):
        folder = tmp_path / run / "analyses" / f"epoch={epoch:04d}"
        with torch.no_grad(), Sink(folder, [], epoch, 0, last) as sink:
            callback.analyse(AnalysisContext(nerv, scene.clip, epoch, [callback.needs(scene.clip)]), sink)
        return folder

    return run


def saved(folder, layer="block3"):
    return dict(np.load(folder / "maps" / f"{layer}.npz"))


def change(nerv, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in nerv.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))


def test_top_neurons_are_chosen_once_and_kept(evaluate, nerv):
    first = saved(evaluate(ContributionMaps(neurons=5, select="top"), 1))
    order = np.argsort(-first["neuron_totals"])[:5]
    assert first["neurons"].tolist() == order.tolist()
    change(nerv, 0)
    resumed = ContributionMaps(neurons=5, select="top")  # a new process would have a new callback
    second = saved(evaluate(resumed, 2))
    assert second["neurons"].tolist() == first["neurons"].tolist()
    assert np.argsort(-second["neuron_totals"])[:5].tolist() != first["neurons"].tolist()
    elsewhere = saved(evaluate(resumed, 2, run="another"))
    assert elsewhere["neurons"].tolist() == np.argsort(-second["neuron_totals"])[:5].tolist()
    more = saved(evaluate(ContributionMaps(neurons=6, select="top"), 3))
    assert more["neurons"].tolist() == np.argsort(-second["neuron_totals"])[:6].tolist()


def test_the_strip_has_the_run_folders_epochs_and_no_others(evaluate, nerv, monkeypatch):
    strips = {}
    monkeypatch.setattr(
        "xinc_lightning.callbacks.contribution_maps.strip_over_epochs",
        lambda maps, labels, title: strips.setdefault(title.split()[1], (maps, labels)) and _figure(),
    )
    callback = ContributionMaps(neurons=4, strip=2, layers=["block3"])
    folders = {}
    for epoch in (1, 10, 100):
        change(nerv, epoch)
        folders[epoch] = evaluate(callback, epoch, last=epoch == 100)
    maps, labels = strips["block3"]
    assert list(maps) == [1, 10, 100]
    assert len(labels) == 2
    for epoch, shown in maps.items():
        np.testing.assert_array_equal(shown, saved(folders[epoch])["maps"][:2])
    assert (folders[100] / "strips" / "block3.png").exists()
    assert not (folders[10] / "strips").exists()
    strips.clear()
    evaluate(callback, 50, last=True)  # of a run resumed from an earlier checkpoint than its latest
    assert list(strips["block3"][0]) == [1, 10, 50]


def _figure():
    from xinc_lightning.figures.style import new_figure

    return new_figure(2, 1, "strip")


def test_no_strip_of_a_single_epoch(evaluate):
    folder = evaluate(ContributionMaps(layers=["head"]), 1, last=True)
    assert not (folder / "strips").exists()
