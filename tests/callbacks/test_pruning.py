"""Pruning during training."""

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything

from xinc_lightning.callbacks import Checkpoints, Pruning
from xinc_lightning.data import ClipDataModule
from xinc_lightning.errors import UserError
from xinc_lightning.modules import FFNModule, HNeRVModule, NeRVModule, SIRENModule
from xinc_lightning.runs.checkpoint_file import CheckpointFile, read_checkpoint

OPTIONS = {
    NeRVModule: {"target_parameters": 12_000},
    FFNModule: {"target_parameters": 400},
    SIRENModule: {"target_parameters": 400},
    HNeRVModule: {"target_parameters": 30_000},
}


def fit(tiny_clip, root, kind=NeRVModule, max_epochs=6, resume=None, **options):
    """Train and prune after two epochs and after four; returns the trainer."""
    seed_everything(0, verbose=False)
    options = {"epochs": [2, 4], "shares": [0.3, 0.6], "frames": 2} | options
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=max_epochs,
        default_root_dir=root,
        logger=False,
        callbacks=[Pruning(**options), Checkpoints()],
        plugins=[CheckpointFile()],
        enable_progress_bar=False,
        enable_model_summary=False,
        check_val_every_n_epoch=1,
    )
    data = ClipDataModule(
        str(tiny_clip), frames="all", resize=(16, 32), batch_size=2 if kind.one_network else None
    )
    module = kind(**OPTIONS[kind], warmup=None)
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return trainer


def weights(trainer):
    return {name: p.detach().clone() for name, p in trainer.lightning_module.network.named_parameters()}


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("unit", ["kernel", "channel"])
def test_what_is_gone_stays_zero_and_so_does_the_optimisers_state(tiny_clip, tmp_path, kind, unit):
    trainer = fit(tiny_clip, tmp_path, kind, unit=unit, score="magnitude")
    module = trainer.lightning_module
    callback = trainer.callbacks[0]
    state = trainer.optimizers[0].state
    gone = 0
    for parameter, elements in callback._gone.items():
        assert not parameter[elements].any()
        assert not state[parameter]["exp_avg"][elements].any()
        assert not state[parameter]["exp_avg_sq"][elements].any()
        gone += int(elements.sum())
    zeros = sum(int((p == 0).sum()) for p in module.network.parameters())
    assert gone == zeros > 0
    units = sum(
        callback._masks[layer.name].kernels.numel() for layer in module.layer_weights() if layer.prunable
    )
    left = sum(
        int(callback._masks[layer.name].kernels.sum()) for layer in module.layer_weights() if layer.prunable
    )
    assert left <= 0.4 * units + 4 * max(OPTIONS[kind].values()) ** 0.5
    assert trainer.callback_metrics["pruning/kernels_kept"] == pytest.approx(left / units)


def test_shares_are_met_by_every_step(tiny_clip, tmp_path):
    trainer = fit(tiny_clip, tmp_path)
    kernels = trainer.callback_metrics["pruning/kernels_kept"]
    assert 0.3 < float(kernels) <= 0.401


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5])
def test_a_resumed_run_is_bit_identical(tiny_clip, tmp_path, stop):
    whole = weights(fit(tiny_clip, tmp_path / "whole"))
    fit_until(tiny_clip, tmp_path / "part", stop)
    resumed = fit(tiny_clip, tmp_path / "part", resume=tmp_path / "part" / "checkpoints" / "last.ckpt")
    for name, weight in weights(resumed).items():
        assert torch.equal(weight, whole[name])


class KilledError(Exception):
    pass


def fit_until(tiny_clip, root, epoch):
    """The run that ends after so many epochs, as when it is killed; its last checkpoint is there."""
    original = Checkpoints.on_train_epoch_start

    def stop(self, trainer, pl_module):
        original(self, trainer, pl_module)
        if trainer.current_epoch == epoch:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "on_train_epoch_start", stop)
        with pytest.raises(KilledError):
            fit(tiny_clip, root)


def test_masks_are_in_the_checkpoint_and_the_best_is_among_pruned_networks(tiny_clip, tmp_path):
    fit(tiny_clip, tmp_path)
    checkpoint = read_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    (state,) = [s for key, s in checkpoint["callbacks"].items() if key.startswith("Pruning")]
    mask = state["masks"]["block1"]["kernels"]
    weight = checkpoint["state_dict"]["network.blocks.0.conv.weight"]
    assert torch.equal(mask[0], weight.flatten(2).any(2))
    (best,) = checkpoint["callbacks"]["Checkpoints"]["best"]
    assert int(best[len("best-epoch=") :][:4]) > 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": [1], "shares": [0.1, 0.2]}, "a share for each epoch"),
        ({"epochs": [], "shares": []}, "a share for each epoch"),
        ({"epochs": [2, 1], "shares": [0.1, 0.2]}, "epochs must rise"),
        ({"epochs": [1, 2], "shares": [0.2, 0.2]}, "shares must rise"),
        ({"epochs": [-1], "shares": [0.2]}, "epochs must be 0 or more"),
        ({"epochs": [1], "shares": [1.0]}, "shares between 0 and 1"),
        ({"epochs": [1], "shares": [0.5], "score": "magnitudes"}, "did you mean 'magnitude'"),
        ({"epochs": [1], "shares": [0.5], "allocation": "globl"}, "did you mean 'global'"),
        ({"epochs": [1], "shares": [0.5], "frames": 0}, "frames must be at least 1"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(UserError, match=message):
        Pruning(**options)


def test_epochs_that_never_come(tiny_clip, tmp_path):
    with pytest.raises(UserError, match="after 4 of 3 epochs nothing is trained any more"):
        fit(tiny_clip, tmp_path, max_epochs=3)
