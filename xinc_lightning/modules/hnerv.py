"""Training an HNeRV: one decoder for one clip, and an encoder that writes its embeddings."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from xinc_lightning.compression import count_parameters, largest_width
from xinc_lightning.data import clip_of
from xinc_lightning.errors import UserError
from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.layer_weights import LayerWeights, convolution
from xinc_lightning.modules.losses import LossName
from xinc_lightning.networks import HNeRV
from xinc_lightning.networks.convnext import ConvNeXtEncoder
from xinc_lightning.networks.hnerv import Output
from xinc_lightning.networks.strides import solved_strides

ENCODED_TOGETHER = 8
"""Frames."""


class HNeRVModule(INRModule):
    """An HNeRV of the clip, with the recipe of its paper by default (Chen et al. 2023).

    In training, an encoder makes an embedding of each frame of a batch, and decoder and encoder are trained together.
    After every epoch the embeddings of the whole clip are stored in the network. Whatever looks at the network after
    that renders frames from these. So the encoder counts neither as parameters nor as bits, and only training has it.

    Args:
        target_bpp: see :class:`~xinc_lightning.modules.base.INRModule`; embeddings count.
        target_parameters: likewise.
        strides: upsampling factor of each block; by default solved for the clip's resolution.
        embedding: channels of an embedding; it has as many rows and columns as the strides leave.
        encoder_channels: of the encoder.
        output: activation of the head, ``tanh``, ``sigmoid`` or ``identity``.
        loss: see the base class.
        learning_rate: likewise.
        warmup: likewise.
        clip_shape: likewise.

    Raises:
        UserError: for no channels, and see the base class and :class:`HNeRV`.
    """

    network: HNeRV

    def __init__(
        self,
        target_bpp: float | None = None,
        target_parameters: int | None = None,
        strides: list[int] | None = None,
        embedding: int = 16,
        encoder_channels: int = 64,
        output: Output = "tanh",
        loss: LossName = "l2",
        learning_rate: float = 1e-3,
        warmup: float | None = 0.1,
        clip_shape: list[int] | None = None,
    ) -> None:
        for name, channels in (("embedding", embedding), ("encoder_channels", encoder_channels)):
            if channels < 1:
                raise UserError(f"{name} must be 1 channel or more, got {channels}.")
        super().__init__(target_bpp, target_parameters, loss, learning_rate, warmup, clip_shape)
        self.encoder: ConvNeXtEncoder | None = None

    def build(self, frames: int, height: int, width: int) -> HNeRV:
        """The widest HNeRV within the target."""
        self.hparams["strides"] = self.hparams["strides"] or solved_strides(height, width)
        options = {name: self.hparams[name] for name in ("strides", "embedding", "output")}
        target = self.parameter_target(frames, height, width)
        channels = largest_width(
            lambda c: count_parameters(lambda: HNeRV(frames, height, width, c, **options)),
            target,
            f"use fewer strides than {options['strides']} so that there are fewer blocks",
        )
        network = HNeRV(frames, height, width, channels, **options)
        # Other random numbers are drawn before training begins, and not as many by several processes as by one.
        self._encoder_seed = int(torch.randint(2**62, (), device="cpu"))
        return network

    def setup(self, stage: str) -> None:
        """Build the network, and to train it the encoder."""
        super().setup(stage)
        if stage == "fit" and self.encoder is None:
            options = self.hparams["encoder_channels"], self.hparams["embedding"]
            with torch.random.fork_rng([]):
                torch.manual_seed(self._encoder_seed)
                encoder = ConvNeXtEncoder(self.network.strides, *options)
            self.encoder = encoder.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def to_render(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """All but the encoder."""
        return {name: tensor for name, tensor in state.items() if not name.startswith("encoder.")}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load the network, and the encoder if there is one."""
        state = self.to_render(state_dict) if self.encoder is None else state_dict
        return super().load_state_dict(state, strict, assign)

    def render(self, positions: Tensor) -> Tensor:
        """Frames at these positions of the clip, from their embeddings."""
        frames: Tensor = self.network(self.network.embeddings[positions])
        return frames

    def render_in_training(self, positions: Tensor, frames: Tensor) -> Tensor:
        """Frames from the embeddings that the encoder makes of them now."""
        assert self.encoder is not None
        rendered: Tensor = self.network(self.encoder(frames))
        return rendered

    @torch.no_grad()
    def store_embeddings(self) -> None:
        """Write what the encoder makes of each frame into the network."""
        assert self.encoder is not None
        frames = clip_of(self.trainer).frames
        for part in torch.split(torch.arange(len(frames)), ENCODED_TOGETHER):
            self.network.embeddings[part] = self.encoder(frames[part].to(self.device))

    def on_train_start(self) -> None:
        """Store the embeddings of the untrained encoder; a checkpoint has its own."""
        if not self.trained_epochs:
            self.store_embeddings()

    def on_train_batch_end(self, outputs: object, batch: Any, batch_idx: int) -> None:
        """Store the embeddings after an epoch's last batch, before anything looks at the network."""
        if self.trainer.is_last_batch:
            self.store_embeddings()
        super().on_train_batch_end(outputs, batch, batch_idx)

    def canvas_inputs(self, position: int) -> tuple[nn.Module, Tensor]:
        """The network and one frame's embedding."""
        return self.network, self.network.embeddings[position : position + 1].detach()

    def layer_weights(self) -> list[LayerWeights]:
        """The stem, the blocks and the head."""
        return [convolution(layer) for layer in self.network.canvas_layers()]
