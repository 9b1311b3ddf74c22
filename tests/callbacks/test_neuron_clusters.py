"""NeuronClusters over checkpoints, in training, and after a resume."""

import numpy as np
import torch
from lightning.pytorch import Trainer

from xinc_lightning.callbacks import FlowVsFluctuation, NeuronClusters, ThingsAndStuff
from xinc_lightning.modules import NeRVModule


def saved(folder, layer):
    return dict(np.load(folder / "neuron_clusters" / f"{layer}.npz"))


def test_embedding_is_initialised_with_the_previous_one(scene, nerv, results_of):
    callback = NeuronClusters(layers=["block3"], clusters=8, max_neurons=60)
    first = saved(results_of(callback, nerv, scene.clip, 1), "block3")
    assert str(first["architecture"]) == "NeRV"
    assert first["vectors"].shape == (60, 8)
    state = callback.state_dict()

    resumed = NeuronClusters(layers=["block3"], clusters=8, max_neurons=60)
    assert resumed.state_key == callback.state_key
    resumed.load_state_dict(state)
    second = saved(results_of(callback, nerv, scene.clip, 2), "block3")
    again = saved(results_of(resumed, nerv, scene.clip, 2), "block3")
    np.testing.assert_array_equal(second["positions"], again["positions"])
    np.testing.assert_allclose(second["positions"].mean(0), first["positions"].mean(0), atol=1e-6)


def test_every_layer_of_an_ffn(scene, ffn, results_of):
    folder = results_of(NeuronClusters(clusters=8), ffn, scene.clip)
    assert {path.stem for path in (folder / "neuron_clusters").glob("*.png")} == {
        "layer1",
        "layer2",
        "layer3",
    }


def trained(data, folder, callbacks):
    torch.manual_seed(3)
    module = NeRVModule(target_parameters=20_000)
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        default_root_dir=folder,
        callbacks=callbacks,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, datamodule=data)
    if callbacks:
        trainer.save_checkpoint(folder / "last.ckpt")
    return module.state_dict(), trainer.optimizers[0].state_dict()["state"], torch.rand(3)


def test_training_is_not_affected(scene, data_of, tmp_path):
    watched = trained(
        data_of(scene.clip),
        tmp_path,
        [
            NeuronClusters(clusters=8, max_neurons=40, every_n_epochs=1),
            ThingsAndStuff(every_n_epochs=1),
            FlowVsFluctuation(every_n_epochs=1, max_neurons=20),
        ],
    )
    alone = trained(data_of(scene.clip), tmp_path / "alone", [])
    torch.testing.assert_close(watched, alone, rtol=0, atol=0)
    results = {path.name for path in (tmp_path / "analyses" / "epoch=0002").iterdir()}
    assert results >= {"neuron_clusters", "things_and_stuff", "flow_vs_fluctuation.png"}
    torch.load(tmp_path / "last.ckpt", weights_only=True)
