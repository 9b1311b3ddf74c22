"""Checkpoints of a run: the best by PSNR, and the last."""

from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class Checkpoints(ModelCheckpoint):
    """Keep the checkpoint with the best PSNR over the clip, and the last one, in ``<run>/checkpoints``.

    Args:
        monitor: metric that decides which is best.
        save_top_k: how many of the best to keep.
        every_n_epochs: how often to look.
    """

    def __init__(self, monitor: str = "val/psnr", save_top_k: int = 1, every_n_epochs: int = 1) -> None:
        super().__init__(
            monitor=monitor,
            mode="max",
            save_top_k=save_top_k,
            save_last=True,
            every_n_epochs=every_n_epochs,
            filename="best-epoch={epoch:04d}-psnr={" + monitor + ":.2f}",
            auto_insert_metric_name=False,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Put the checkpoints into the run folder."""
        self.dirpath = str(Path(trainer.default_root_dir) / "checkpoints")
        super().setup(trainer, pl_module, stage)
