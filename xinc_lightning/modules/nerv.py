"""Training a NeRV: one network for one clip."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from xinc_lightning.compression import count_parameters, largest_width
from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.layer_weights import LayerWeights, convolution
from xinc_lightning.modules.losses import LossName
from xinc_lightning.networks import NeRV

PRECISIONS = {1: torch.float32, 2: torch.float64}
"""Dtype of the angles of a frame's time, by the ``encoding_version`` in the hyperparameters."""


class NeRVModule(INRModule):
    """A NeRV of the clip, with the paper's recipe by default (§6.1).

    Args:
        target_bpp: see :class:`~xinc_lightning.modules.base.INRModule`.
        target_parameters: likewise.
        strides: upsampling factor of each block.
        output: activation of the head, ``tanh`` or ``identity``.
        loss: see the base class.
        learning_rate: likewise.
        warmup: likewise.
        clip_shape: likewise.
    """

    network: NeRV

    def __init__(
        self,
        target_bpp: float | None = None,
        target_parameters: int | None = None,
        strides: list[int] = [4, 2, 2],  # noqa: B006  (a list prints as YAML; it is never changed)
        output: Literal["tanh", "identity"] = "tanh",
        loss: LossName = "l2",
        learning_rate: float = 1e-3,
        warmup: float | None = 0.1,
        clip_shape: list[int] | None = None,
    ) -> None:
        super().__init__(target_bpp, target_parameters, loss, learning_rate, warmup, clip_shape)
        self.hparams["encoding_version"] = max(PRECISIONS)

    def build(self, frames: int, height: int, width: int) -> NeRV:
        """The widest NeRV within the target."""
        options = {name: self.hparams[name] for name in ("strides", "output")}
        target = self.parameter_target(frames, height, width)
        channels = largest_width(
            lambda c: count_parameters(lambda: NeRV(height, width, c, **options)),
            target,
            "use more strides so that the stem gets smaller",
        )
        return NeRV(height, width, channels, **options)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the encoding of the checkpoint's network: float32 for version 0.1, which did not store it."""
        super().on_load_checkpoint(checkpoint)
        self.restore(checkpoint["hyper_parameters"])

    def restore(self, hyperparameters: Mapping[str, Any]) -> None:
        """Restore the precision of the time's encoding."""
        version = hyperparameters.get("encoding_version", 1)
        self.hparams["encoding_version"] = version
        self.network.encoding.precision = PRECISIONS[version]

    def times(self, positions: Tensor) -> Tensor:
        """Position / frames, in [0, 1) and float64, which Apple's GPUs do not have."""
        if positions.device.type == "mps":
            positions = positions.cpu()
        return positions.double() / float(self.hparams["clip_shape"][0])

    def render(self, positions: Tensor) -> Tensor:
        """Frames at these positions of the clip."""
        frames: Tensor = self.network(self.times(positions))
        return frames

    def canvas_inputs(self, position: int) -> tuple[nn.Module, Tensor]:
        """The network and one frame's time."""
        return self.network, self.times(torch.tensor([position], device=self.device))

    def layer_weights(self) -> list[LayerWeights]:
        """The stem, whose outputs in groups of the grid's size feed a channel each, the blocks and the head."""
        stem = self.network.stem
        assert stem.bias is not None
        blocks = [convolution(layer) for layer in self.network.canvas_layers()]
        return [LayerWeights("stem", stem.weight, stem.bias, prunable=False), *blocks]
