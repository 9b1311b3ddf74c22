"""Lightning hooks of the analyses: each calls the runner that all analyses of a trainer share."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from xinc_lightning.callbacks.base.analysis import Analysis
from xinc_lightning.callbacks.base.naming import essential
from xinc_lightning.callbacks.base.runner import AnalysisRunner, analyses_folder, check_analyses
from xinc_lightning.data import clip_of
from xinc_lightning.modules import INRModule
from xinc_lightning.runs.atomic import tidy


class AnalysisCallback(Analysis, Callback):
    """Base of the callbacks that a config names: an analysis that runs after some of the epochs, and in ``test``.

    An epoch is analysed after it has ended and its checkpoint is saved: before the next one begins, or when
    training ends. See :class:`Analysis` for the arguments.
    """

    _runner: AnalysisRunner | None = None

    @property
    def state_key(self) -> str:
        """Identifies this callback among others of its class in a checkpoint, by its options."""
        return self._generate_state_key(**essential(self.options))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check the options, and remove or repair incomplete files of a killed run."""
        analyses = analyses_of(trainer)
        if stage not in ("fit", "test") or self is not analyses[0]:
            return
        assert isinstance(pl_module, INRModule)
        clip = clip_of(trainer)
        pl_module.size_for(len(clip), clip.height, clip.width)
        check_analyses(trainer, analyses, pl_module, clip, fitting=stage == "fit")
        runner = AnalysisRunner(analyses)
        for analysis in analyses:
            analysis._runner = runner
        if trainer.is_global_zero:
            tidy(analyses_folder(trainer))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Analyse the untrained network, or the one from which a run is resumed."""
        self._run_due(trainer, pl_module, resumed=True)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Analyse the network after the previous epoch."""
        self._run_due(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Run all analyses on the trained network."""
        self._run_due(trainer, pl_module, last=True)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Run all analyses on the tested checkpoint."""
        assert isinstance(pl_module, INRModule)
        self._run_due(trainer, pl_module, last=True, resumed=pl_module.finishing)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the last analysed epoch, and record that a checkpoint was saved."""
        if self._runner is not None:
            checkpoint.setdefault("analysed", {})[self.state_key] = self._runner.analysed(self)
            self._runner.checkpoint_saved(trainer.global_step)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the last analysed epoch."""
        if self._runner is not None:
            self._runner.remember(self, checkpoint.get("analysed", {}).get(self.state_key))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Stop the process that renders figures."""
        if self._runner is not None:
            self._runner.close()

    def _run_due(self, trainer: Trainer, module: LightningModule, **when: bool) -> None:
        """Run all scheduled analyses, once: from the first of the trainer's analyses."""
        assert isinstance(module, INRModule)
        if self._runner is not None and self._runner.analyses[0] is self:
            self._runner.run_due(trainer, module, **when)


def analyses_of(trainer: Trainer) -> list[AnalysisCallback]:
    """The trainer's analyses, in its order."""
    return [c for c in trainer.callbacks if isinstance(c, AnalysisCallback)]  # type: ignore[attr-defined]


def seconds_of_analyses(trainer: Trainer) -> float:
    """Time spent on all of a trainer's analyses."""
    runners = {analysis._runner for analysis in analyses_of(trainer)}
    return sum(runner.seconds for runner in runners if runner is not None)
