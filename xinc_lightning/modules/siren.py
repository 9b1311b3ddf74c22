"""Training SIRENs."""

from xinc_lightning.modules.coordinates import CoordinateModule
from xinc_lightning.modules.losses import LossName
from xinc_lightning.networks import SIREN


class SIRENModule(CoordinateModule):
    """An independent SIREN for each frame of the clip (Sitzmann et al. 2020).

    Coordinates and colours are those of FFN: the longer axis of a frame spans [-1, 1], colours are in [0, 1], which the
    paper's code moves to [-1, 1].

    Args:
        target_bpp: see :class:`~xinc_lightning.modules.base.INRModule`.
        target_parameters: parameters of each frame's network.
        depth: linear layers.
        omega_0: factor on what the sines are taken of, in every layer.
        loss: see the base class.
        learning_rate: likewise.
        warmup: likewise.
        clip_shape: likewise.
    """

    def __init__(
        self,
        target_bpp: float | None = None,
        target_parameters: int | None = None,
        depth: int = 5,
        omega_0: float = 30.0,
        loss: LossName = "l2",
        learning_rate: float = 1e-4,
        warmup: float | None = None,
        clip_shape: list[int] | None = None,
    ) -> None:
        super().__init__(target_bpp, target_parameters, loss, learning_rate, warmup, clip_shape)

    def make(self, width: int) -> SIREN:
        """A SIREN of this width."""
        return SIREN(width, self.hparams["depth"], self.hparams["omega_0"])
