"""Which checkpoints are kept, and when they are written."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything

from xinc_lightning.callbacks import Checkpoints, checkpoints
from xinc_lightning.data import ClipDataModule
from xinc_lightning.modules import FFNModule
from xinc_lightning.modules.base import DivergenceError
from xinc_lightning.runs.checkpoint_file import CheckpointFile, read_checkpoint


def fit(folder, root, *callbacks, epochs=6, every=2, resume=None, **options):
    seed_everything(3, verbose=False)
    trainer = Trainer(
        default_root_dir=root,
        max_epochs=epochs,
        check_val_every_n_epoch=every,
        accelerator="cpu",
        logger=False,
        plugins=[CheckpointFile()],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[*callbacks],
    )
    module = FFNModule(target_parameters=400, **options)
    data = ClipDataModule(str(folder), frames=[0], resize=(16, 32), batch_size=None)
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return module


def names(root):
    return sorted(path.name for path in (root / "checkpoints").iterdir())


class Score(Callback):
    """Logs a score of one's choice at each validation."""

    def __init__(self, scores):
        self.scores = iter(scores)

    def on_validation_epoch_end(self, trainer, pl_module):
        pl_module.log("score", next(self.scores))


@pytest.mark.parametrize(
    ("k", "best"), [(0, []), (1, ["0003-score=9.00"]), (2, ["0002-score=5.00", "0003-score=9.00"])]
)
def test_best_checkpoints_are_kept(k, best, tiny_clip, tmp_path):
    scores = Score([3.0, 5.0, 9.0, 4.0])
    fit(tiny_clip, tmp_path, Checkpoints("score", save_top_k=k), scores, epochs=4, every=1)
    assert names(tmp_path) == [*(f"best-epoch={name}.ckpt" for name in best), "last.ckpt"]


def test_resumed_run_remembers_the_best(tiny_clip, tmp_path):
    fit(tiny_clip, tmp_path, Checkpoints("score"), Score([3.0, 9.0]), epochs=2, every=1)
    last = tmp_path / "checkpoints" / "last.ckpt"
    again = [Checkpoints("score"), Score([4.0, 5.0])]
    fit(tiny_clip, tmp_path, *again, epochs=4, every=1, resume=last)
    assert names(tmp_path) == ["best-epoch=0002-score=9.00.ckpt", "last.ckpt"]
    assert read_checkpoint(last)["trained_epochs"] == 4


def test_last_checkpoint_is_updated_in_long_runs_without_validation(tiny_clip, tmp_path, monkeypatch):
    seen = []

    class Watch(Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            path = Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt"
            seen.append(read_checkpoint(path)["trained_epochs"] if path.exists() else None)

    monkeypatch.setattr(checkpoints, "LONGEST", -1.0)
    fit(tiny_clip, tmp_path, Checkpoints(), Watch(), epochs=5, every=100)
    assert seen == [None, None, 1, 2, 3]  # Watch is called before the checkpoint of its epoch is saved


def test_weights_that_are_not_finite_are_never_saved(tiny_clip, tmp_path):
    class Spoil(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 3:
                pl_module.network.biases[0].data[:] = torch.inf

    with pytest.raises(DivergenceError, match="after epoch 4 the weights are not finite"):
        fit(tiny_clip, tmp_path, Checkpoints(), Spoil())
    for path in (tmp_path / "checkpoints").iterdir():
        checkpoint = read_checkpoint(path)
        assert checkpoint["trained_epochs"] == 2
        assert all(weight.isfinite().all() for weight in checkpoint["state_dict"].values())


def test_failure_after_training_keeps_the_trained_checkpoint(tiny_clip, tmp_path):
    class Fail(Callback):
        def on_train_end(self, trainer, pl_module):
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        fit(tiny_clip, tmp_path, Fail(), Checkpoints(), epochs=3, every=100)
    assert read_checkpoint(tmp_path / "checkpoints" / "last.ckpt")["trained_epochs"] == 3


def test_resuming_from_within_an_epoch_restarts_the_epoch_with_a_message(tiny_clip, tmp_path):
    class Within(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if trainer.current_epoch == 2 and batch_idx == 1:
                trainer.save_checkpoint(tmp_path / "within.ckpt", weights_only=False)

    def train(**options):
        seed_everything(3, verbose=False)
        trainer = Trainer(
            max_epochs=4,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            limit_val_batches=0,
            callbacks=[Within()],
        )
        data = ClipDataModule(str(tiny_clip), resize=(16, 32), batch_size=2, frames="all")
        module = FFNModule(target_parameters=400)
        trainer.fit(module, datamodule=data, **options)
        return trainer, module

    whole, _ = train()
    assert whole.global_step == 12
    with pytest.warns(UserWarning, match="saved in the middle of epoch 3, which is restarted"):
        resumed, module = train(ckpt_path=tmp_path / "within.ckpt")
    assert resumed.current_epoch == module.trained_epochs == 4
    assert resumed.global_step == 12 + 2  # the two steps before the checkpoint were done twice
