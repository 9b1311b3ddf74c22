"""Pruning: what each kernel is worth by a score, which of them go, and masks that keep them gone."""

from xinc_lightning.pruning.allocation import ALLOCATIONS, Allocation, kept_units
from xinc_lightning.pruning.masks import Mask, Masks, apply, fold_means, gone_elements, masks_of, shares_kept
from xinc_lightning.pruning.scores import (
    SCORES,
    Scores,
    Unit,
    scores_of,
    scoring_positions,
    unit_weights,
)

__all__ = [
    "ALLOCATIONS",
    "SCORES",
    "Allocation",
    "Mask",
    "Masks",
    "Scores",
    "Unit",
    "apply",
    "fold_means",
    "gone_elements",
    "kept_units",
    "masks_of",
    "scores_of",
    "scoring_positions",
    "shares_kept",
    "unit_weights",
]
