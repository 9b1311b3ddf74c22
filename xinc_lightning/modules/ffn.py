"""Training FFNs: one network for each frame, all of them in one run."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from xinc_lightning.compression import count_parameters, largest_width
from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.layer_weights import LayerWeights
from xinc_lightning.modules.losses import LossName
from xinc_lightning.networks import FFN, FFNStack, FoldedGrid, pixel_grid


class FFNModule(INRModule):
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

    network: FFNStack
    channel_dims = 2
    one_network = False
    _grid: FoldedGrid | None = None

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

    def build(self, frames: int, height: int, width: int) -> FFNStack:
        """One FFN per frame, each the widest within the target."""
        options = {name: self.hparams[name] for name in ("depth", "scale")}
        target = self.parameter_target(1, height, width)
        ffn_width = largest_width(lambda w: count_parameters(lambda: FFN(w, **options)), target)
        return FFNStack(frames, ffn_width, **options)

    @property
    def exact_target(self) -> int:
        """Parameters of one frame's network."""
        parameters: int = self.budget.parameters // self.hparams["clip_shape"][0]
        return parameters

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Discard the encoded grid: the checkpoint has other frequencies."""
        super().on_load_checkpoint(checkpoint)
        self._grid = None

    def load_network(self, state: Mapping[str, Tensor]) -> None:
        """Load weights and frequencies, and discard the grid encoded with earlier ones."""
        super().load_network(state)
        self._grid = None

    @property
    def grid(self) -> FoldedGrid:
        """The encoded pixel grid; cached."""
        if self._grid is None or self._grid.sines.device != self.device:
            self._grid = self.network.encoding.folded(*self.hparams["clip_shape"][1:])
        return self._grid

    def render(self, positions: Tensor) -> Tensor:
        """Frames at these positions of the clip."""
        colours: Tensor = self.network(self.grid, positions)
        return colours.reshape(len(positions), 3, *self.hparams["clip_shape"][1:])

    def reduce_losses(self, losses: Tensor) -> Tensor:
        """The sum, so that each network is trained as it would be alone.

        Processes that divide a batch average their gradients, which is corrected to a sum, too.
        """
        sharing: int = self.trainer.train_dataloader.world_size  # type: ignore[union-attr]
        return losses.sum() * sharing

    def canvas_inputs(self, position: int) -> tuple[nn.Module, Tensor]:
        """One frame's network and the pixel grid."""
        _, height, width = self.hparams["clip_shape"]
        return self.network.frame(position), pixel_grid(height, width).to(self.device)

    def layer_weights(self) -> list[LayerWeights]:
        """The linear layers of all frames' networks."""
        pairs = zip(self.network.weights, self.network.biases, strict=True)
        return [LayerWeights(f"layer{i + 1}", w, b, networks=True) for i, (w, b) in enumerate(pairs)]
