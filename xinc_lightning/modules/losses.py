"""Reconstruction losses, by the names used in the configs."""

from collections.abc import Callable
from typing import Literal, get_args

from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

from xinc_lightning.errors import UserError

LossName = Literal["l2", "l1", "l1+ssim"]


def per_frame_l2(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of each frame, [frames], the paper's loss (§6.1)."""
    return (prediction - target).square().flatten(1).mean(1)


def per_frame_l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of each frame, [frames]."""
    return (prediction - target).abs().flatten(1).mean(1)


def per_frame_l1_ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """The mix NeRV was published with: 0.7·L1 + 0.3·(1 - SSIM), [frames]."""
    similarity = ssim(prediction, target, data_range=1.0, reduction="none")
    assert isinstance(similarity, Tensor)
    return 0.7 * per_frame_l1(prediction, target) + 0.3 * (1 - similarity)


def loss_function(name: LossName) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of that name: two [frames, 3, height, width] tensors in, one loss per frame out.

    Raises:
        UserError: if there is no such loss.
    """
    functions = {"l2": per_frame_l2, "l1": per_frame_l1, "l1+ssim": per_frame_l1_ssim}
    if name not in functions:
        raise UserError(f"loss must be one of {', '.join(get_args(LossName))}, got {name!r}.")
    return functions[name]
