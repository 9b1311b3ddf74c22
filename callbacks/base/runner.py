"""Runs a trainer's analyses at the scheduled epochs, without side effects on the training."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch.distributed import ProcessGroup, get_rank

from xinc_lightning.callbacks.base.analysis import Analysis
from xinc_lightning.callbacks.base.context import AnalysisContext
from xinc_lightning.callbacks.base.isolation import gc_paused, undisturbed
from xinc_lightning.callbacks.base.naming import names_of
from xinc_lightning.callbacks.base.provenance import settings_of, weights_of
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.callbacks.checkpoints import Checkpoints
from xinc_lightning.canvas.reduction import lost_a_process
from xinc_lightning.data import PanopticClip, clip_of
from xinc_lightning.errors import UserError
from xinc_lightning.figures import Renderer
from xinc_lightning.modules import INRModule
from xinc_lightning.runs.layout import ANALYSES, SETTINGS, snapshot_name

MOST_LISTED = 6
"""Epochs that are listed one by one."""


class AnalysisError(UserError):
    """A strict analysis failed."""


class AnalysisRunner:
    """Runs those of a trainer's analyses that are due, all with one context and one sink.

    Training continues as if they had not run: same mode, same random state, no gradients. It also continues if one
    of them fails. With several processes, all divide the work of the context's reductions; rank 0 does the rest,
    and is the only one that writes.

    Args:
        analyses: those of the trainer, in its order.

    Attributes:
        seconds: total time of all analyses.

    Raises:
        UserError: if two of them have the same options.
    """

    def __init__(self, analyses: Sequence[Analysis]) -> None:
        self.analyses = tuple(analyses)
        self.seconds = 0.0
        self._names = names_of(self.analyses)
        self._analysed: dict[Analysis, int | None] = {}
        self._step = -1  # the global step at the last call of run_due
        self._saved = False  # whether a checkpoint of a later step was saved
        self._warnings: set[str] = set()
        self._lost: dict[str, list[int]] = {}  # the epochs of results that are lost, by what was lost
        self._renderer: Renderer | None = None

    # --- the state in a checkpoint --------------------------------------------------------------------------

    def analysed(self, analysis: Analysis) -> int | None:
        """The epoch at which this analysis last ran with all results saved."""
        return self._analysed.get(analysis)

    def remember(self, analysis: Analysis, epoch: int | None) -> None:
        """Restore the last analysed epoch from a checkpoint."""
        self._analysed[analysis] = epoch
        self._saved = True

    def checkpoint_saved(self, step: int) -> None:
        """Record a checkpoint; one that is saved where an epoch begins belongs to the epoch before."""
        self._saved |= step > self._step

    # --- running -------------------------------------------------------------------------------------------

    def due(self, trainer: Trainer, epoch: int, last: bool) -> list[Analysis]:
        """Which analyses run on the network after ``epoch`` epochs; only this method decides.

        Args:
            trainer: the trainer.
            epoch: epochs completed.
            last: whether training ends here, where all analyses run.
        """
        saved = self._saved or any(
            isinstance(c, Checkpoints) and c.will_save for c in trainer.checkpoint_callbacks
        )
        due = [a for a in self.analyses if last or a.due(epoch, last_epoch(trainer), saved)]
        # Only in training: a checkpoint that is tested was analysed in training already.
        done = trainer.training and all(self._analysed.get(a) == epoch for a in due)
        return [] if trainer.fast_dev_run or done else due  # type: ignore[attr-defined]

    def run_due(self, trainer: Trainer, module: INRModule, last: bool = False, resumed: bool = False) -> None:
        """Run the analyses that are due, and write and log their results.

        Raises:
            AnalysisError: if a strict analysis fails; the results of the others are saved.
        """
        unfinished = last and trainer.training and not trainer.is_last_batch
        epoch = module.trained_epochs + unfinished  # an epoch that was not finished counts
        due = self.due(trainer, epoch, last)
        self._saved, self._step = False, trainer.global_step
        if not due:
            return
        start = time.perf_counter()
        if last and trainer.training:
            for callback in trainer.checkpoint_callbacks:
                if isinstance(callback, Checkpoints):
                    callback.save_before_the_end(trainer, module)
        self._renderer = self._renderer or Renderer()
        folder = analyses_folder(trainer) / snapshot_name(epoch)
        sink = Sink(folder, trainer.loggers, epoch, module.trained_steps, last, self._renderer.png)
        group = torch.distributed.group.WORLD if trainer.world_size > 1 else None
        clip = clip_of(trainer)
        failed = self.run(module, clip, sink, due, group)
        kept = not failed
        if trainer.is_global_zero:
            # A resumed run may have these results already: then the analyses ran only to restore their state.
            write = sink.make_up if resumed and _complete(sink.folder) else sink.close
            kept &= self._write(sink, write, any(analysis.strict for analysis in due), failed)
        for analysis in due:  # only now: a resumed run repeats what was not written
            self._analysed[analysis] = epoch if kept else None
        self.seconds += time.perf_counter() - start
        if failed and trainer.is_global_zero:
            raise failed[0]

    def run(
        self,
        module: INRModule,
        clip: PanopticClip,
        sink: Sink,
        due: Sequence[Analysis],
        group: ProcessGroup | None = None,
    ) -> list[AnalysisError]:
        """Run analyses on one network and fill the sink; ranks other than 0 only take part in the reductions.

        Returns:
            The errors of strict analyses, which stop training.
        """
        failed: list[AnalysisError] = []
        with undisturbed(module), gc_paused():
            context = AnalysisContext(module, clip, sink.epoch, group=group)
            ready = []
            for analysis in due:
                with self._guarded(analysis, sink, failed):
                    context.request(analysis.needs(clip))
                    ready.append(analysis)
            if group is not None and get_rank(group) > 0:
                context.share_reductions()
                return failed
            try:
                for analysis in ready:
                    with self._guarded(analysis, sink, failed):
                        analysis.analyse(context, sink)
                for analysis in ready:
                    with self._guarded(analysis, sink, failed):
                        sink.wait_for_figures()
            finally:
                context.end_sharing()
            for layer, count in context.not_finite.items():
                sink.scalars(f"canvas/{layer}", {"not_finite": count})
                if count:
                    self._warn_once(
                        f"{count:,} neurons of layer {layer!r} contribute Inf or NaN and are excluded.", layer
                    )
            if shown := context.shown():
                sink.arrays("frames", **shown)
            sink.settings(**settings_of(context))
            if module.keep_weights:
                try:
                    sink.weights(weights_of(context))
                except TypeError as error:  # a hyperparameter of one's own that is no plain value
                    self._warn_once(f"no weights are kept beside the analyses: {_one_line(error)}", "weights")
        return failed

    def close(self) -> None:
        """Stop the process that renders figures, and say which results are lost; each was warned of once only."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        if self._lost:
            lost = (f"{what} of {_epochs(epochs)}" for what, epochs in self._lost.items())
            print(f"xinc: results are missing: {'; '.join(lost)}.", file=sys.stderr)
            self._lost = {}

    @contextmanager
    def _guarded(self, analysis: Analysis, sink: Sink, stops: list[AnalysisError]) -> Iterator[None]:
        """Run part of an analysis: an error discards its results only, and stops training only if strict."""
        label = self._names[analysis]
        name = type(analysis).__name__ + f" {label}" * bool(label)
        try:
            with sink.analysis(name, label, analysis.options):
                yield
        except Exception as error:
            if lost_a_process(error):  # none of the analysis's own
                raise
            failed = f"{name} failed at epoch {sink.epoch}: {_one_line(error)}"
            if analysis.strict:
                stop = AnalysisError(failed)
                stop.__cause__ = error
                stops.append(stop)
            else:
                self._lost.setdefault(name, []).append(sink.epoch)
                self._warn_once(
                    f"{failed} Skipped. The traceback is in settings.json; set strict: true to stop instead.",
                    f"{name} {_one_line(error)}",
                )

    def _write(
        self, sink: Sink, write: Callable[[], None], strict: bool, failed: Sequence[AnalysisError]
    ) -> bool:
        """Write and log the results; returns whether that succeeded."""
        if failed:
            sink.settings(stopped=str(failed[0]))
            if not sink.last:  # a resumed run repeats these analyses, and then logs them once and completely
                sink.loggers = ()
        try:
            write()
        except Exception as error:
            lost = (
                f"the results of epoch {sink.epoch} could not be saved in '{sink.folder}': {_one_line(error)}"
            )
            if strict and not failed:
                raise AnalysisError(lost) from error
            self._lost.setdefault("everything", []).append(sink.epoch)
            self._warn_once(
                lost, f"not saved: {type(error).__name__}"
            )  # the message names the epoch's folder
            return False
        return True

    def _warn_once(self, sentence: str, topic: str) -> None:
        if topic not in self._warnings:
            self._warnings.add(topic)
            rank_zero_warn(sentence)


def check_analyses(
    trainer: Trainer, analyses: Sequence[Analysis], module: INRModule, clip: PanopticClip, fitting: bool
) -> None:
    """Reject analyses that do not fit the network, the clip, the training or each other.

    Raises:
        UserError: names the wrong option and, if there is one, the nearest valid value.
    """
    for analysis in analyses:
        analysis.check(module, clip)
        if fitting and analysis.log_spaced is not None and last_epoch(trainer) is None:
            raise UserError(
                f"{type(analysis).__name__}: log_spaced={analysis.log_spaced} needs trainer.max_epochs; "
                "give epochs instead."
            )
    names_of(analyses)


def analyses_folder(trainer: Trainer) -> Path:
    """Folder of the run's analyses."""
    return Path(trainer.default_root_dir) / ANALYSES


def last_epoch(trainer: Trainer) -> int | None:
    """The last epoch of training; None if unknown."""
    return trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None


def _complete(folder: Path) -> bool:
    """Whether an epoch's results are complete, not those of a run that a strict analysis stopped."""
    settings = folder / SETTINGS
    return settings.exists() and "stopped" not in json.loads(settings.read_text(encoding="utf-8"))


def _epochs(epochs: Sequence[int]) -> str:
    """A list of epochs that may be long.

    >>> _epochs([3]), _epochs([3, 6]), _epochs([1, 2, 3, 4, 5, 6, 7])
    ('epoch 3', 'epochs 3, 6', '7 epochs, 1 to 7')
    """
    if len(epochs) > MOST_LISTED:
        return f"{len(epochs)} epochs, {epochs[0]} to {epochs[-1]}"
    return f"epoch{'s' * (len(epochs) > 1)} {', '.join(map(str, epochs))}"


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".") + "."
