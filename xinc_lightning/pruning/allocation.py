"""How many units each layer loses: equal shares, or one threshold on scores that are normalised by layer."""

from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from xinc_lightning.errors import UserError
from xinc_lightning.pruning.scores import Scores

Allocation = Literal["equal", "global", "mean", "size"]
ALLOCATIONS: tuple[str, ...] = get_args(Allocation)


def kept_units(
    scores: Scores,
    share: float,
    allocation: str = "equal",
    weights: Mapping[str, int] | None = None,
    alive: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Which units stay when a share of all of them goes, the lowest scores first.

    >>> scores = {"a": torch.tensor([[1.0, 2.0, 3.0, 4.0]]), "b": torch.tensor([[10.0, 20.0]])}
    >>> kept_units(scores, 0.5)["b"], kept_units(scores, 0.5, "global")["b"]
    (tensor([[False,  True]]), tensor([[True, True]]))

    Args:
        scores: of each layer's units.
        share: that goes, of all units the layers ever had.
        allocation: ``equal``, the same share of each layer; or one threshold across the layers: ``global`` on the
            scores as they are, ``mean`` after dividing by the layer's mean, ``size`` by the square root of the number
            of weights that the layer still has (HiNeRV, for magnitudes).
        weights: of a unit, by layer; for ``size``.
        alive: units that are not gone yet; the others stay gone. All of them by default.

    Raises:
        UserError: for a share or an allocation that there is not.
    """
    if allocation not in ALLOCATIONS:
        raise UserError(f"there is no allocation '{allocation}'; they are {', '.join(ALLOCATIONS)}.")
    if not 0 <= share < 1:
        raise UserError(f"the share that is pruned must be in [0, 1), got {share}.")
    living = alive or {name: torch.ones_like(values, dtype=torch.bool) for name, values in scores.items()}
    ranked = {
        name: (values / _divisor(values, living[name], allocation, (weights or {}).get(name, 1))).where(
            living[name], -torch.inf
        )
        for name, values in scores.items()
    }
    if allocation == "equal":
        return {name: _without_lowest(values, share) for name, values in ranked.items()}
    flat = _without_lowest(torch.cat([values.flatten() for values in ranked.values()]), share)
    parts = torch.split(flat, [values.numel() for values in ranked.values()])
    return {name: part.reshape(ranked[name].shape) for name, part in zip(ranked, parts, strict=True)}


def _divisor(values: Tensor, living: Tensor, allocation: str, weights: int) -> float:
    if allocation == "mean":
        return float(values[living].abs().mean()) or 1.0
    if allocation == "size":
        return float(living.sum() * weights) ** 0.5 or 1.0
    return 1.0


def _without_lowest(values: Tensor, share: float) -> Tensor:
    """All but the lowest share; at least what is already gone."""
    flat = values.flatten()
    kept = flat > -torch.inf
    kept[flat.argsort(stable=True)[: round(share * len(flat))]] = False
    return kept.reshape(values.shape)
