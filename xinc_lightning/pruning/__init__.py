"""Pruning: what each kernel is worth by a score, which go by it or by choice, and masks that keep them gone."""

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
from xinc_lightning.pruning.selection import Selection, read_selection, without_neurons

__all__ = [
    "ALLOCATIONS",
    "SCORES",
    "Allocation",
    "Mask",
    "Masks",
    "Scores",
    "Selection",
    "Unit",
    "apply",
    "fold_means",
    "gone_elements",
    "kept_units",
    "masks_of",
    "read_selection",
    "scores_of",
    "scoring_positions",
    "shares_kept",
    "unit_weights",
    "without_neurons",
]
