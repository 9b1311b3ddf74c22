"""The interface of an analysis: its options, what it needs, and how it analyses a network."""

from abc import ABC, abstractmethod
from functools import cache
from inspect import Parameter, signature
from typing import Any

from lightning.pytorch.utilities import rank_zero_warn

from xinc_lightning.callbacks.base.cadence import Cadence
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.data import PanopticClip
from xinc_lightning.errors import UserError
from xinc_lightning.modules import INRModule


class Analysis(ABC):
    """Base of all analyses, which :class:`AnalysisRunner` runs at the epochs of their schedules.

    A subclass stores each option in an attribute of the same name, as Lightning's callbacks do. It may have any
    other attributes.

    Args:
        every_n_epochs: run after every so many epochs; 100 unless another schedule is given.
        epochs: run after these numbers of epochs instead; 0 is the untrained network.
        log_spaced: run so many times instead, most of them early; see
            :func:`~xinc_lightning.callbacks.base.cadence.log_spaced`.
        at_checkpoints: run at every epoch that saves a checkpoint instead, but not where ``last.ckpt`` is only
            updated because a few minutes have passed.
        strict: stop training if this analysis fails.

    Raises:
        UserError: if more than one schedule is given, or an invalid one.
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
        except UserError as error:
            raise UserError(f"{type(self).__name__}: {error}") from None
        self.every_n_epochs = self._cadence.every_n_epochs
        self.epochs = epochs
        self.log_spaced = log_spaced
        self.at_checkpoints = at_checkpoints
        self.strict = strict
        self._warnings: set[str] = set()

    # --- for subclasses -----------------------------------------------------------------------------------

    def check(self, module: INRModule, clip: PanopticClip) -> None:  # noqa: B027 (a subclass may have none)
        """Reject options that do not fit the network or the clip, before training starts.

        Raises:
            UserError: names the wrong option and the nearest valid value.
        """

    def needs(self, clip: PanopticClip) -> Needs:
        """Frames and partitions that the shared pass has to include."""
        return Needs()

    @abstractmethod
    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """Compute results and figures and pass them to the sink."""

    def leave_out(self, why: str) -> None:
        """Warn once that this analysis cannot run on this network or clip."""
        self.warn_once(f"{type(self).__name__} is skipped: {why}.")

    def warn_once(self, sentence: str) -> None:
        """Show a warning the first time it is given."""
        if sentence not in self._warnings:
            self._warnings.add(sentence)
            rank_zero_warn(sentence)

    # --- for the runner -----------------------------------------------------------------------------------

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of the constructors and their current values, those of the base classes first."""
        return {name: getattr(self, name) for name in _arguments(type(self)) if hasattr(self, name)}

    def due(self, epoch: int, last_epoch: int | None, saved: bool) -> bool:
        """Whether it is scheduled after ``epoch`` epochs, see :meth:`Cadence.due`."""
        return self._cadence.due(epoch, last_epoch, saved)


@cache
def _arguments(kind: type) -> tuple[str, ...]:
    """Names of the constructors' arguments; once a class, since Lightning asks for a callback's key at every hook."""
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    names = dict.fromkeys(
        name
        for base in reversed(kind.__mro__)
        if "__init__" in vars(base)
        for name, parameter in signature(vars(base)["__init__"]).parameters.items()
        if parameter.kind in named and name != "self"
    )
    return tuple(names)
