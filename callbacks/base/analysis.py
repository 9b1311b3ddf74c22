"""What an analysis is: its options, what it needs, and what it does with one evaluation of the network."""

from abc import ABC, abstractmethod
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
    """Base of all analyses: a question about a network, asked by :class:`AnalysisRunner` when it is due.

    A subclass passes its options on to attributes of the same names, as Lightning's callbacks do; other attributes
    are its own business.

    Args:
        every_n_epochs: run after every so many epochs; 100 unless another schedule is given.
        epochs: run after these numbers of epochs instead; 0 is the untrained network.
        log_spaced: run so many times instead, most of them early; see
            :func:`~xinc_lightning.callbacks.base.cadence.log_spaced`.
        at_checkpoints: run at every epoch of which a checkpoint is saved instead, but not where ``last.ckpt`` is
            renewed only because minutes went by.
        strict: end training if this analysis fails.

    Raises:
        UserError: if more than one schedule is given, or an impossible one.
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
        """Refuse options that do not fit the network or the clip, before training starts.

        Raises:
            UserError: names what is wrong and the nearest that would be right.
        """

    def needs(self, clip: PanopticClip) -> Needs:
        """What the shared pass has to provide for this clip."""
        return Needs()

    @abstractmethod
    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """Compute, and hand results and figures to the sink."""

    def leave_out(self, why: str) -> None:
        """Warn, once, that this analysis cannot run here."""
        self.warn_once(f"{type(self).__name__} is left out: {why}.")

    def warn_once(self, sentence: str) -> None:
        """Warn, once in this analysis's life."""
        if sentence not in self._warnings:
            self._warnings.add(sentence)
            rank_zero_warn(sentence)

    # --- for those who run it -----------------------------------------------------------------------------

    @property
    def options(self) -> dict[str, Any]:
        """The constructors' arguments and the values they have now, those of the base classes first."""
        named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
        names = dict.fromkeys(
            name
            for kind in reversed(type(self).__mro__)
            if "__init__" in vars(kind)
            for name, parameter in signature(vars(kind)["__init__"]).parameters.items()
            if parameter.kind in named and name != "self"
        )
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def due(self, epoch: int, last_epoch: int | None, saved: bool) -> bool:
        """Whether its schedule asks for it after ``epoch`` epochs, see :meth:`Cadence.due`."""
        return self._cadence.due(epoch, last_epoch, saved)
