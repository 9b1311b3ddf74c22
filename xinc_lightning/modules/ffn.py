"""Training FFNs."""

from xinc_lightning.modules.coordinates import CoordinateModule
from xinc_lightning.modules.losses import LossName
from xinc_lightning.networks import FFN


class FFNModule(CoordinateModule):
    """An independent FFN for each frame of the clip, with the paper's recipe by default (§6.1).

    Args:
        target_bpp: see :class:`~xinc_lightning.modules.base.INRModule`.
        target_parameters: parameters of each frame's network.
        depth: linear layers.
        scale: standard deviation of the Fourier frequencies.
        loss: see the base class.
        learning_rate: likewise.
        warmup: likewise.
        clip_shape: likewise.
    """

    def __init__(
        self,
        target_bpp: float | None = None,
        target_parameters: int | None = None,
        depth: int = 3,
        scale: float = 10.0,
        loss: LossName = "l2",
        learning_rate: float = 9e-4,
        warmup: float | None = None,
        clip_shape: list[int] | None = None,
    ) -> None:
        super().__init__(target_bpp, target_parameters, loss, learning_rate, warmup, clip_shape)

    def make(self, width: int) -> FFN:
        """An FFN of this width."""
        return FFN(width, self.hparams["depth"], self.hparams["scale"])
