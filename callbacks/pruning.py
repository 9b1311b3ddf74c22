"""Prunes the network during training and keeps what is gone at zero."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from xinc_lightning.callbacks.base.isolation import undisturbed
from xinc_lightning.callbacks.checkpoints import Checkpoints
from xinc_lightning.data import clip_of
from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.modules import INRModule
from xinc_lightning.pruning import (
    ALLOCATIONS,
    SCORES,
    Mask,
    Unit,
    apply,
    gone_elements,
    kept_units,
    masks_of,
    scores_of,
    scoring_positions,
    shares_kept,
    unit_weights,
)


class Pruning(Callback):
    """Takes out the kernels with the lowest scores after given epochs; training goes on with the others.

    The network of an epoch is validated, saved and analysed before it is pruned, so the files of that epoch are of the
    network before. The masks are in every later checkpoint; a resumed run goes on exactly as an uninterrupted one.

    Args:
        epochs: numbers of completed epochs after which the network is pruned, rising; 0 is the untrained one.
        shares: of all kernels (or channels) of the canvas's layers that are gone after each of them, rising.
        score: by what: ``contribution``, ``first-order``, ``magnitude``, ``random``, or ``effect``, which is slow.
        allocation: how the layers share what goes: ``equal``, ``global``, ``mean`` or ``size``, see docs/pruning.md.
        unit: ``kernel`` or ``channel``, what goes at once.
        frames: number of frames, evenly spaced, from which scores are computed.

    Raises:
        UserError: for options that do not fit each other, or that there are not.
    """

    def __init__(
        self,
        epochs: list[int],
        shares: list[float],
        score: str = "contribution",
        allocation: str = "equal",
        unit: Unit = "kernel",
        frames: int = 4,
    ) -> None:
        if not epochs or len(epochs) != len(shares):
            raise UserError(f"Pruning: give a share for each epoch, got epochs {epochs} and shares {shares}.")
        for name, values in (("epochs", epochs), ("shares", shares)):
            if any(later <= earlier for earlier, later in pairwise(values)):
                raise UserError(f"Pruning: {name} must rise, got {values}.")
        if epochs[0] < 0 or not 0 < shares[0] <= shares[-1] < 1:
            raise UserError(
                f"Pruning: epochs must be 0 or more and shares between 0 and 1, got {epochs} and {shares}."
            )
        for what, given, known in (("score", score, SCORES), ("allocation", allocation, ALLOCATIONS)):
            if given not in known:
                near = did_you_mean(given, known) or "."
                raise UserError(f"Pruning: {what} must be one of {', '.join(known)}, got '{given}'{near}")
        if frames < 1:
            raise UserError(f"Pruning: frames must be at least 1, got {frames}.")
        self.epochs, self.shares = epochs, shares
        self.score, self.allocation, self.unit, self.frames = score, allocation, unit, frames
        self._masks: dict[str, Mask] = {}
        self._pruned_after = -1
        self._gone: dict[Tensor, Tensor] = {}  # by parameter, its elements that are gone, on its device

    def state_dict(self) -> dict[str, Any]:
        """The masks, and after how many epochs the network was last pruned."""
        masks = {
            name: {"kernels": mask.kernels, "outputs": mask.outputs} for name, mask in self._masks.items()
        }
        return {"pruned_after": self._pruned_after, "masks": masks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the masks."""
        self._pruned_after = state_dict["pruned_after"]
        self._masks = {name: Mask(**parts) for name, parts in state_dict["masks"].items()}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a network that cannot be pruned, and epochs that never come.

        Raises:
            UserError: names them.
        """
        assert isinstance(pl_module, INRModule)
        pl_module.layer_weights()
        last = trainer.max_epochs
        if last is not None and last > 0 and self.epochs[-1] >= last:
            raise UserError(
                f"Pruning: after {self.epochs[-1]} of {last} epochs nothing is trained any more; "
                f"epochs must be below trainer.max_epochs."
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take up the masks of the checkpoint from which a run is resumed."""
        assert isinstance(pl_module, INRModule)
        self._gone = gone_elements(pl_module, self._masks)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Prune where an epoch begins, after the network of the epoch before was saved and analysed."""
        done = trainer.current_epoch
        if batch_idx or done not in self.epochs or done == self._pruned_after:
            return
        assert isinstance(pl_module, INRModule)
        with undisturbed(pl_module):
            self._masks = trainer.strategy.broadcast(
                self._next_masks(pl_module, clip_of(trainer).frames, done)
            )
        self._pruned_after = done
        self._gone = gone_elements(pl_module, self._masks)
        apply(pl_module, self._masks)
        for optimizer in trainer.optimizers:
            forget(optimizer, self._gone)
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, Checkpoints):
                callback.best.clear()  # networks with more kernels are another competition; their files stay
        if trainer.is_global_zero:
            kernels, parameters = shares_kept(pl_module, self._masks)
            print(
                f"pruned by {self.score} after epoch {done}: {kernels:.1%} of the kernels and {parameters:.1%} "
                "of all parameters are left"
            )

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Give what is gone no gradient, so that it stays zero, as does the optimiser's state of it."""
        for parameter, gone in self._gone.items():
            if parameter.grad is not None:
                parameter.grad.masked_fill_(gone, 0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what is left."""
        if self._masks:
            assert isinstance(pl_module, INRModule)
            kernels, parameters = shares_kept(pl_module, self._masks)
            pl_module.log_dict({"pruning/kernels_kept": kernels, "pruning/parameters_kept": parameters})

    def _next_masks(self, module: INRModule, frames: Tensor, epoch: int) -> dict[str, Mask]:
        clip_frames = module.hparams["clip_shape"][0]
        positions = scoring_positions(clip_frames, min(self.frames, clip_frames))
        scores = scores_of(module, self.score, positions, frames, self.unit)
        weights = unit_weights(module, self.unit)
        alive = None
        if self._masks:
            alive = {
                name: self._masks[name].kernels if self.unit == "kernel" else self._masks[name].kernels.any(1)
                for name in weights
            }
        share = self.shares[self.epochs.index(epoch)]
        return masks_of(module, kept_units(scores, share, self.allocation, weights, alive))


@torch.no_grad()
def forget(optimizer: Optimizer, gone: Mapping[Tensor, Tensor]) -> None:
    """Set an optimiser's state of what is gone to zero."""
    for parameter, elements in gone.items():
        for value in optimizer.state.get(parameter, {}).values():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                value.masked_fill_(elements, 0)
