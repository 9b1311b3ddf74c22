"""Base classes of the analyses of layers, and of those of one frame."""

from collections.abc import Sequence
from typing import Any

from xinc_lightning.callbacks.base.callback import AnalysisCallback
from xinc_lightning.callbacks.base.context import Needs
from xinc_lightning.canvas import Canvas
from xinc_lightning.data import PanopticClip
from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.modules import INRModule


class LayerAnalysis(AnalysisCallback):
    """Base of the analyses of all or some layers.

    Args:
        layers: names of the layers, by default all.
        options: cadence and ``strict``, see :class:`~xinc_lightning.callbacks.base.analysis.AnalysisCallback`.
    """

    def __init__(self, layers: list[str] | None = None, **options: Any) -> None:
        super().__init__(**options)
        if layers is not None and not layers:
            raise UserError(f"{type(self).__name__}: layers is empty; leave it out for all layers.")
        self.layers = layers

    def check(self, module: INRModule, clip: PanopticClip) -> None:
        """Require that the layers exist."""
        known = [layer.name for layer in Canvas(module.canvas_inputs(0)[0]).declared]
        for layer in self.layers or ():
            if layer not in known:
                raise UserError(
                    f"{type(self).__name__}: there is no layer '{layer}'; there are {', '.join(known)}"
                    + (did_you_mean(layer, known) or ".")
                )


class FrameAnalysis(LayerAnalysis):
    """Base of the analyses of one frame.

    Args:
        layers: see :class:`LayerAnalysis`.
        frame: position of the frame in the clip.
        options: cadence and ``strict``, see :class:`~xinc_lightning.callbacks.base.analysis.AnalysisCallback`.
    """

    def __init__(self, layers: list[str] | None = None, frame: int = 0, **options: Any) -> None:
        super().__init__(layers, **options)
        self.frame = frame

    def check(self, module: INRModule, clip: PanopticClip) -> None:
        """Require that the frame exists, too."""
        super().check(module, clip)
        check_position(self, "frame", self.frame, clip)

    def needs(self, clip: PanopticClip) -> Needs:
        """The frame."""
        return Needs((self.frame,))


def require_positive(owner: object, **counts: int | None) -> None:
    """Reject counts below 1; None stands for no limit.

    Raises:
        UserError: names the class and the option.
    """
    for name, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"{type(owner).__name__}: {name} must be at least 1, got {count}.")


def check_neurons(analysis: LayerAnalysis, neurons: int | Sequence[int], module: INRModule) -> None:
    """Reject indices of neurons that a layer does not have; a number of neurons fits every layer.

    Raises:
        UserError: names the first such index, and the valid ones.
    """
    if isinstance(neurons, int):
        return
    network, inputs = module.canvas_inputs(0)
    canvas = Canvas(network, **module.canvas_options).at(inputs)
    for name in analysis.layers or canvas.layers:
        try:
            canvas[name].select(neurons)
        except IndexError as error:
            raise UserError(f"{type(analysis).__name__}: {error}") from None


def check_position(analysis: AnalysisCallback, option: str, position: int, clip: PanopticClip) -> None:
    """Reject a position outside the clip.

    Raises:
        UserError: names the nearest position.
    """
    if not 0 <= position < len(clip):
        nearest = min(max(position, 0), len(clip) - 1)
        raise UserError(
            f"{type(analysis).__name__}: {option}={position} is outside the clip '{clip.name}', whose frames "
            f"have the positions 0 … {len(clip) - 1}; the nearest is {nearest}."
        )
