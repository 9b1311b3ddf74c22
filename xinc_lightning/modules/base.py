"""What the training of all INRs shares: sizing, loss, metrics, optimiser, schedule, reconstruction."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from xinc_lightning.compression import Budget, parameters_for_bpp
from xinc_lightning.data import PanopticClip, clip_facts, clip_of
from xinc_lightning.errors import UserError
from xinc_lightning.modules.allocator import keep_freed_memory
from xinc_lightning.modules.layer_weights import LayerWeights
from xinc_lightning.modules.losses import LossName, loss_function, per_frame_l2
from xinc_lightning.modules.quality import SSIM_SIDE, update_in_parts
from xinc_lightning.modules.schedule import warmup_cosine
from xinc_lightning.runs.lightning_private import rewind_to_epoch_start

CHECK_STEPS = 50
"""Steps between two checks of the weights on a GPU."""

Batch = tuple[Tensor, Tensor]
"""Frame positions [batch] and frames [batch, 3, height, width] in [0, 1]."""


class DivergenceError(UserError):
    """Training has produced numbers that are not finite."""


class INRModule(LightningModule, ABC):
    """Base of the modules: a subclass defines how its network is built and how it renders frames.

    The network is built as soon as the clip is known: in this constructor if ``clip_shape`` is given, else when the
    Trainer has the data. So one ``target_bpp`` (or ``target_parameters``) sizes it for any resolution and clip length.
    The arguments of the subclass's constructor are stored in ``hparams`` before :meth:`build` is called.

    Args:
        target_bpp: bits per pixel of the whole clip at 32 bits per parameter; the widest network within it is built.
        target_parameters: the same as a number of parameters (of each network, if there is one per frame).
        loss: ``l2``, ``l1`` or ``l1+ssim``.
        learning_rate: of Adam.
        warmup: share of training in which the learning rate increases, before it decays to 0 along a cosine; ``None``
            for a constant learning rate.
        clip_shape: [frames, height, width] to build the network for; by default that of the data.

    Attributes:
        canvas_options: arguments of the canvas that analyses make of the network, such as ``neuron``: see
            :class:`~xinc_lightning.canvas.CanvasOptions`.
        keep_weights: whether the weights are kept beside the analyses of each epoch.
        finishing: whether a test stands for the end of a training that was stopped between its last epoch and its
            report: it makes up for what is missing, and logs nothing again.

    Raises:
        UserError: if not exactly one target is given, or for an invalid learning rate or warmup.
    """

    network: nn.Module
    channel_dims = 1
    """Number of leading axes of a weight that index its output channels, for quantisation."""

    one_network = True
    """Whether one network renders all frames, each from its own entry along the first axis of the network's input;
    otherwise each frame has a network of its own."""

    def __init__(
        self,
        target_bpp: float | None,
        target_parameters: int | None,
        loss: LossName,
        learning_rate: float,
        warmup: float | None,
        clip_shape: list[int] | None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()  # the subclass's arguments, too
        if (target_bpp is None) == (target_parameters is None):
            raise UserError(
                f"target_bpp={target_bpp}, target_parameters={target_parameters}: give exactly one of the two."
            )
        if not 0 < learning_rate < math.inf:
            raise UserError(f"learning_rate must be more than 0, such as 0.001, got {learning_rate}.")
        if warmup is not None and not 0 <= warmup < 1:
            raise UserError(f"warmup must be a share of training in [0, 1), or null for none, got {warmup}.")
        self.target_bpp, self.target_parameters = target_bpp, target_parameters
        self.learning_rate, self.warmup = learning_rate, warmup
        self.loss = loss_function(loss)
        self.psnr = PeakSignalNoiseRatio(data_range=1.0, dim=(1, 2, 3))
        self.ssim = StructuralSimilarityIndexMeasure(data_range=1.0)
        self.canvas_options: dict[str, Any] = {}
        self.keep_weights = True
        self.finishing = False
        self.trained_epochs = 0
        self._loaded_steps = 0
        self._epoch_errors: list[Tensor] = []
        self._epoch_losses: list[Tensor] = []
        if clip_shape is not None:
            self.size_for(*clip_shape)

    @abstractmethod
    def build(self, frames: int, height: int, width: int) -> nn.Module:
        """The network for a clip of this shape, sized by the target; ``self.hparams`` has the options."""

    @abstractmethod
    def render(self, positions: Tensor) -> Tensor:
        """Frames at these positions of the clip, [len(positions), 3, height, width]."""

    def render_in_training(self, positions: Tensor, frames: Tensor) -> Tensor:
        """The same for a training step, in which networks with an encoder make them of the frames themselves."""
        return self.render(positions)

    @abstractmethod
    def canvas_inputs(self, position: int) -> tuple[nn.Module, Tensor]:
        """The network that represents one frame and the input with which it renders it, for the canvas."""

    def layer_weights(self) -> list[LayerWeights]:
        """The network's layers, input side first, for pruning: each feeds the next one's input channels in order.

        Where a layer has more outputs than the next has inputs, such as before a PixelShuffle, neighbouring outputs
        feed the same channel.

        Raises:
            UserError: if the module does not say.
        """
        raise UserError(f"{type(self).__name__} cannot be pruned: it has no layer_weights().")

    # --- sizing -------------------------------------------------------------------------------------------

    def size_for(self, frames: int, height: int, width: int) -> None:
        """Build the network for a clip of this shape, or check that it was built for one like it.

        Raises:
            UserError: if the network was built for another shape, or cannot be built for this one.
        """
        shape = [frames, height, width]
        built: list[int] | None = self.hparams["clip_shape"]
        if built is not None and built != shape:
            one, other = ("{} frames of {}×{}".format(*s) for s in (built, shape))
            raise UserError(f"The network was built for {one} pixels, the data has {other}.")
        if not hasattr(self, "network"):
            # Convolutions are fastest with channels_last; it does not change their results.
            network = self.build(*shape)
            self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.hparams["clip_shape"] = shape

    def setup(self, stage: str) -> None:
        """Build the network for the Trainer's data."""
        clip = clip_of(self.trainer)
        self.size_for(len(clip), clip.height, clip.width)

    def on_fit_start(self) -> None:
        """Configure the memory allocator for training, and for its analyses, on a CPU."""
        if self.device.type == "cpu":
            keep_freed_memory()

    def on_test_start(self) -> None:
        """The same for the analyses of ``lightning test``."""
        self.on_fit_start()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the module, the clip and the trained epochs; Lightning's own counters depend on when it is saved."""
        checkpoint |= self.identity(clip_of(self.trainer))

    def identity(self, clip: PanopticClip) -> dict[str, Any]:
        """What a checkpoint says of itself: which module, trained for how many epochs, on which clip."""
        return {
            "trained_epochs": self.trained_epochs,
            "module": type(self).__name__,
            "clip": clip_facts(clip),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the trained epochs; a checkpoint saved within an epoch restarts that epoch."""
        self.trained_epochs = checkpoint.get("trained_epochs", 0)
        self._loaded_steps = checkpoint.get("global_step", 0)
        if rewind_to_epoch_start(checkpoint):
            rank_zero_warn(
                f"The checkpoint was saved in the middle of epoch {self.trained_epochs + 1}, which is restarted: "
                "the result will differ slightly from that of an uninterrupted run."
            )

    @classmethod
    def arguments(cls, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        """Those of stored hyperparameters that the constructor takes."""
        return {name: hyperparameters[name] for name in signature(cls).parameters if name in hyperparameters}

    def to_render(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The part of a module's state that frames are rendered from: all of it, unless some only trains."""
        return state

    def restore(self, hyperparameters: Mapping[str, Any]) -> None:
        """Restore what stored hyperparameters say beyond the constructor's arguments; here nothing."""

    @property
    def architecture(self) -> str:
        """Name of the class without ``Module``: ``NeRV``, ``FFN``."""
        return type(self).__name__.removesuffix("Module")

    @property
    def trained_steps(self) -> int:
        """Optimiser steps completed; in a test, where Lightning counts none, those of the checkpoint."""
        return max(self.global_step, self._loaded_steps)

    @property
    def budget(self) -> Budget:
        """Parameters and bits per pixel of the built network."""
        return Budget(sum(p.numel() for p in self.network.parameters()), *self.hparams["clip_shape"])

    @property
    def exact_target(self) -> int:
        """The ``target_parameters`` with which a network of exactly this size is built."""
        return self.budget.parameters

    def parameter_target(self, frames: int, height: int, width: int) -> int:
        """Maximum number of parameters of a network for ``frames`` frames of this size."""
        if self.target_bpp is None:
            assert self.target_parameters is not None
            return self.target_parameters
        return parameters_for_bpp(self.target_bpp, frames, height, width)

    # --- training -----------------------------------------------------------------------------------------

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch of frames; its errors are kept, on the device, for the epoch's PSNR."""
        positions, frames = batch
        prediction = self.render_in_training(positions, frames)
        losses = self.loss(prediction, frames)
        errors = losses if self.loss is per_frame_l2 else per_frame_l2(prediction.detach(), frames)
        self._epoch_errors.append(errors.detach())
        loss = self.reduce_losses(losses)
        self._epoch_losses.append(loss.detach())
        return loss

    def reduce_losses(self, losses: Tensor) -> Tensor:
        """From one loss per frame to the loss that is minimised."""
        return losses.mean()

    def on_train_epoch_start(self) -> None:
        """Discard the errors of an interrupted epoch."""
        self._epoch_errors.clear()
        self._epoch_losses.clear()

    def on_train_batch_end(self, outputs: object, batch: Any, batch_idx: int) -> None:
        """Count the epochs whose last batch is done, and stop if training has diverged."""
        if self.trainer.is_last_batch:
            self.trained_epochs = self.current_epoch + 1
            # The check synchronises with the device: on a GPU, only once in so many steps.
            every = (
                1 if self.device.type == "cpu" else math.ceil(CHECK_STEPS / self.trainer.num_training_batches)
            )
            if self.trained_epochs % every == 0:
                self.require_finite()

    def load_network(self, state: Mapping[str, Tensor]) -> None:
        """Load the weights and buffers of another network of the same architecture."""
        self.network.load_state_dict(state)

    def require_finite(self) -> None:
        """Check the weights; after a loss that is not finite, they stay so.

        Raises:
            DivergenceError: if a weight is not finite.
        """
        finite = torch.stack([parameter.isfinite().all() for parameter in self.network.parameters()]).all()
        if not finite:
            raise DivergenceError(
                f"training diverged: after epoch {self.trained_epochs} the weights are not finite. "
                f"A lower model.learning_rate than {self.learning_rate:g} may help."
            )

    def on_train_epoch_end(self) -> None:
        """Log the mean loss, and the mean PSNR that frames had when they were trained on, as the paper's code does."""
        if self._epoch_errors:  # none in an epoch that a resumed run finds already done
            errors = torch.cat(self._epoch_errors)
            self.log("train/psnr", (-10 * errors.log10()).mean(), sync_dist=True)
            self.log("train/loss", torch.stack(self._epoch_losses).mean(), sync_dist=True)
            self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"], sync_dist=True)
        self._log_position()

    def _log_position(self) -> None:
        """Completed epochs, where Lightning would write how many had been completed before this one.

        Where a checkpoint is evaluated, its own epochs and steps, of which Lightning knows nothing.
        """
        fitting = self.trainer.state.fn == TrainerFn.FITTING
        where = {"epoch": float(self.current_epoch + 1 if fitting else self.trained_epochs)}
        if not fitting:
            where["step"] = float(self.trained_steps)
        self.log_dict(where, on_step=False, on_epoch=True, batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam, with the learning rate following its schedule at every step (§6.1)."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=self.learning_rate, fused=True)
        warmup = self.warmup
        if warmup is None:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warmup_cosine(min(step / steps, 1.0), warmup)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    # --- evaluation ---------------------------------------------------------------------------------------

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """PSNR and SSIM over the whole clip."""
        self._evaluate("val", batch)
        self._log_position()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """PSNR and SSIM over the whole clip."""
        if not self.finishing:
            self._evaluate("test", batch)
            self._log_position()

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Reconstructed frames, clamped to [0, 1]."""
        return self.render(batch[0]).clamp(0, 1)

    def _evaluate(self, stage: str, batch: Batch) -> None:
        positions, frames = batch
        prediction = self.render(positions)
        metrics = {"psnr": self.psnr, "ssim": self.ssim}
        if min(frames.shape[-2:]) < SSIM_SIDE:
            del metrics["ssim"]
        for name, metric in metrics.items():
            update_in_parts(metric, prediction, frames)
            self.log(f"{stage}/{name}", metric, on_epoch=True, on_step=False, batch_size=len(frames))

    @torch.no_grad()
    def reconstruct(self, positions: Sequence[int] | None = None) -> Tensor:
        """Reconstructed frames, [positions, 3, height, width], not clamped.

        Args:
            positions: positions in the clip, all of them by default.
        """
        chosen = range(self.hparams["clip_shape"][0]) if positions is None else positions
        return torch.cat([self.render(torch.tensor([p], device=self.device)) for p in chosen])
