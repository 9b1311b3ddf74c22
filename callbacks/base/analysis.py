"""When an analysis runs, on what, and without leaving a trace in the training it watches."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch.distributed import ProcessGroup, get_rank

from xinc_lightning.callbacks.base.cadence import Cadence
from xinc_lightning.callbacks.base.context import Moment, Needs
from xinc_lightning.callbacks.base.isolation import garbage_left_lying, undisturbed
from xinc_lightning.callbacks.base.naming import essential, names_of
from xinc_lightning.callbacks.base.provenance import settings_of
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.callbacks.checkpoints import Checkpoints
from xinc_lightning.data import PanopticClip
from xinc_lightning.figures import Painter
from xinc_lightning.modules import INRModule
from xinc_lightning.runs.atomic import tidy

__all__ = ["AnalysisCallback", "AnalysisError", "Moment", "Needs", "check_analyses"]


class AnalysisError(RuntimeError):
    """A strict analysis failed."""


class AnalysisCallback(Callback, ABC):
    """Base of the analyses: they run after some of the epochs, at the end of training, and in ``test``.

    All of a trainer's analyses that are due together share one :class:`Moment` and one :class:`Sink`; the
    first of them in the trainer's list runs them all. Training goes on as if they had not run: same mode, same
    random numbers, no gradients. It also goes on if one of them fails. Where several processes train, all share
    the work of the moment's reductions; the first does the rest, and it alone writes.

    An epoch is looked at when it is surely over, with its checkpoint saved: before the next one begins, or when
    training ends.

    Args:
        every_n_epochs: look after every so many epochs; 100 unless another cadence is given.
        epochs: look after these numbers of epochs instead; 0 is the untrained network.
        log_spaced: look so many times instead, most of them early; see
            :func:`~xinc_lightning.callbacks.base.cadence.log_spaced`.
        at_checkpoints: look at every epoch of which a checkpoint is saved instead, but not where ``last.ckpt`` is
            renewed only because minutes went by.
        strict: end training if this analysis fails.

    Raises:
        ValueError: if more than one cadence is given, or one that makes no sense.
    """

    def __init__(
        self,
        every_n_epochs: int | None = None,
        epochs: list[int] | None = None,
        log_spaced: int | None = None,
        at_checkpoints: bool = False,
        strict: bool = False,
    ) -> None:
        try:
            self._cadence = Cadence(every_n_epochs, epochs, log_spaced, at_checkpoints)
        except ValueError as error:
            raise ValueError(f"{type(self).__name__}: {error}") from None
        self.every_n_epochs = self._cadence.every_n_epochs
        self.epochs = epochs
        self.log_spaced = log_spaced
        self.at_checkpoints = at_checkpoints
        self.strict = strict
        self._seconds = 0.0
        # Kept by all, used by the one that runs them:
        self._led = -1  # global step at the latest chance to look
        self._saved = False  # a checkpoint of a later step than that
        self._latest: int | None = None  # epoch looked at, by this analysis
        self._said: set[str] = set()
        self._painter: Painter | None = None

    # --- for subclasses -----------------------------------------------------------------------------------

    def check(self, module: INRModule, clip: PanopticClip) -> None:
        """Refuse options that do not fit the network or the clip, before training starts.

        Raises:
            ValueError: names what is wrong and the nearest that would be right.
        """

    def needs(self, clip: PanopticClip) -> Needs:
        """What the shared pass has to provide for this clip."""
        return Needs()

    @abstractmethod
    def analyse(self, moment: Moment, sink: Sink) -> None:
        """Compute, and hand results and figures to the sink."""

    def leave_out(self, why: str) -> None:
        """Say, once, why this analysis cannot run here."""
        self._say(f"{type(self).__name__} is left out: {why}.")

    # --- what there is to know about it ---------------------------------------------------------------------

    @property
    def options(self) -> dict[str, Any]:
        """The constructor's arguments: all public attributes but the methods that Lightning lends callbacks."""
        lent = ("log", "log_dict")
        return {
            name: value for name, value in vars(self).items() if not name.startswith("_") and name not in lent
        }

    @property
    def state_key(self) -> str:
        """Tells apart several callbacks of this class in one checkpoint, by their options."""
        return self._generate_state_key(**essential(self.options))

    @property
    def seconds(self) -> float:
        """Time spent on all analyses, counted by the one that runs them."""
        return self._seconds

    # --- Lightning's hooks ----------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse what cannot work, and set right what a killed run left behind."""
        if stage not in ("fit", "test"):
            return
        assert isinstance(pl_module, INRModule)
        clip = trainer.datamodule.clip  # type: ignore[attr-defined]
        pl_module.size_for(clip.frames)
        self._latest = None
        if self is _all_of(trainer)[0]:
            check_analyses(trainer, pl_module, clip, fitting=stage == "fit")
            if trainer.is_global_zero:
                tidy(_folder(trainer))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the untrained network, or at what a run is resumed from."""
        self._lead(trainer, pl_module, resumed=True)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at what the epoch before this one made."""
        self._lead(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the end, where every analysis is due."""
        self._lead(trainer, pl_module, last=True)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Run everything on the tested checkpoint."""
        self._lead(trainer, pl_module, last=True)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Let go of the process that draws."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Note what was looked at, and that a checkpoint was saved."""
        checkpoint.setdefault("analysed", {})[self.state_key] = self._latest
        # One that is saved where an epoch begins is of the epoch before, whose turn is over.
        self._saved |= trainer.global_step > self._led

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """What was loaded was saved, and perhaps looked at."""
        self._latest = checkpoint.get("analysed", {}).get(self.state_key)
        self._saved = True

    # --- one look -------------------------------------------------------------------------------------------

    def _lead(
        self, trainer: Trainer, module: LightningModule, last: bool = False, resumed: bool = False
    ) -> None:
        """Run all analyses that are due, if this is the first of them."""
        assert isinstance(module, INRModule)
        analyses = _all_of(trainer)
        if self is not analyses[0] or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        within = (
            last and trainer.training and not trainer.is_last_batch
        )  # an epoch that was not finished counts
        epoch, end = module.trained_epochs + within, _last_epoch(trainer)
        saved = self._saved or any(
            isinstance(c, Checkpoints) and c.will_save for c in trainer.checkpoint_callbacks
        )
        due = [a for a in analyses if last or a._cadence.due(epoch, end, saved)]
        self._saved, self._led = False, trainer.global_step
        # What is tested was looked at in training, too.
        if due and not (trainer.training and all(a._latest == epoch for a in due)):
            start = time.perf_counter()
            folder = _folder(trainer) / f"epoch={epoch:04d}"
            self._painter = self._painter or Painter()
            sink = Sink(folder, trainer.loggers, epoch, module.trained_steps, last, self._painter.png)
            names = names_of(analyses)
            group = torch.distributed.group.WORLD if trainer.world_size > 1 else None
            failed = self._look(module, trainer.datamodule.clip, sink, {a: names[a] for a in due}, group)  # type: ignore[attr-defined]
            for analysis in due:
                analysis._latest = None if failed else epoch
            if not trainer.is_global_zero:
                return
            # A resumed run has these results already: the analyses only had to remember what they were.
            if not (resumed and _finished(sink.folder)):
                self._write(sink, any(a.strict for a in due), failed)
            self._seconds += time.perf_counter() - start
            if failed:
                raise failed[0]

    def _look(
        self,
        module: INRModule,
        clip: PanopticClip,
        sink: Sink,
        due: Mapping["AnalysisCallback", str],
        group: ProcessGroup | None = None,
    ) -> list[AnalysisError]:
        """Run these analyses, given with what tells apart those of one class; all but the first rank help.

        Returns what is to end training: how strict ones failed.
        """
        failed: list[AnalysisError] = []
        with undisturbed(module), garbage_left_lying():
            moment = Moment(module, clip, sink.epoch, group=group)
            ready = []
            for analysis in due:
                with analysis._guarded(sink, due[analysis], failed):
                    moment.want(analysis.needs(clip))
                    ready.append(analysis)
            if group is not None and get_rank(group) > 0:
                moment.help()
                return failed
            try:
                for analysis in ready:
                    with analysis._guarded(sink, due[analysis], failed):
                        analysis.analyse(moment, sink)
                for analysis in ready:
                    with analysis._guarded(sink, due[analysis], failed):
                        sink.drawn()
            finally:
                moment.done()
            for layer, count in moment.not_finite.items():
                sink.scalars(f"xinc/{layer}/canvas", {"not_finite": count})
                if count:
                    self._say(
                        f"{count:,} neurons of layer {layer!r} contribute Inf or NaN and are left out.", layer
                    )
            if shown := moment.shown():
                sink.arrays("frames", **shown)
            sink.settings(**settings_of(moment))
        return failed

    @contextmanager
    def _guarded(self, sink: Sink, label: str, stops: list[AnalysisError]) -> Iterator[None]:
        """Part of this analysis: an error costs its results, not the others', and the training only if strict."""
        name = type(self).__name__ + f" {label}" * bool(label)
        try:
            with sink.analysis(name, label, self.options):
                yield
        except Exception as error:
            failed = f"{name} failed at epoch {sink.epoch}: {_one_line(error)}"
            if self.strict:
                stop = AnalysisError(failed)
                stop.__cause__ = error
                stops.append(stop)
            else:
                self._say(
                    f"{failed} It is skipped; settings.json has the traceback, strict: true stops instead.",
                    _one_line(error),
                )

    def _write(self, sink: Sink, strict: bool, failed: Sequence[AnalysisError] = ()) -> None:
        if failed:
            sink.settings(stopped=str(failed[0]))
            if not sink.last:  # a resumed run looks again, and then the loggers get it, once and complete
                sink.loggers = ()
        try:
            sink.close()
        except Exception as error:
            lost = (
                f"the results of epoch {sink.epoch} could not be kept in '{sink.folder}': {_one_line(error)}"
            )
            if strict and not failed:
                raise AnalysisError(lost) from error
            self._say(lost, f"not kept: {type(error).__name__}")  # the message names the epoch's folder

    def _say(self, sentence: str, topic: str | None = None) -> None:
        """Warn, once for each topic."""
        if (topic or sentence) not in self._said:
            self._said.add(topic or sentence)
            rank_zero_warn(sentence)


def check_analyses(trainer: Trainer, module: INRModule, clip: PanopticClip, fitting: bool) -> None:
    """Refuse a trainer's analyses if they do not fit the network, the clip, the training or each other.

    Raises:
        ValueError: names what is wrong and, where there is one, the nearest that would be right.
    """
    analyses = _all_of(trainer)
    for analysis in analyses:
        analysis.check(module, clip)
        if fitting and analysis.log_spaced is not None and _last_epoch(trainer) is None:
            raise ValueError(
                f"{type(analysis).__name__}: log_spaced={analysis.log_spaced} needs trainer.max_epochs; "
                "give epochs instead."
            )
    names_of(analyses)


def _all_of(trainer: Trainer) -> list[AnalysisCallback]:
    return [c for c in trainer.callbacks if isinstance(c, AnalysisCallback)]  # type: ignore[attr-defined]


def _folder(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / "analyses"


def _finished(folder: Path) -> bool:
    """Whether an epoch's results are there, other than what is kept where a strict analysis ended the run."""
    settings = folder / "settings.json"
    return settings.exists() and "stopped" not in json.loads(settings.read_text())


def _last_epoch(trainer: Trainer) -> int | None:
    return trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".") + "."
