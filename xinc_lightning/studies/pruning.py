"""Pruning curves: quality over the share of kernels that is kept, and over the bytes of the file, by several scores."""

import copy
import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.modules import INRModule
from xinc_lightning.modules.clip_file import encode_clip, facts_of
from xinc_lightning.modules.loading import load_run
from xinc_lightning.modules.quality import psnr
from xinc_lightning.pruning import (
    ALLOCATIONS,
    SCORES,
    Unit,
    apply,
    fold_means,
    kept_units,
    masks_of,
    scores_of,
    scoring_positions,
    shares_kept,
    unit_weights,
)
from xinc_lightning.studies.bjontegaard import psnr_gain, rate_change

MEASURES = ("kernels", "parameters", "bytes", "bpp", "psnr")
"""What is measured at each share: shares of kernels and parameters kept, size of the file and PSNR of its frames."""


@dataclass(frozen=True)
class Method:
    """A score, and how the layers share what goes: ``contribution:equal``.

    Attributes:
        score: see :data:`~xinc_lightning.pruning.SCORES`.
        allocation: see :func:`~xinc_lightning.pruning.kept_units`.
    """

    score: str
    allocation: str = "equal"

    @classmethod
    def parse(cls, text: str) -> "Method":
        """From ``score`` or ``score:allocation``.

        >>> Method.parse("magnitude:global")
        Method(score='magnitude', allocation='global')

        Raises:
            UserError: if there is no such score or allocation.
        """
        score, _, allocation = text.partition(":")
        for what, name, known in (
            ("score", score, SCORES),
            ("allocation", allocation or "equal", ALLOCATIONS),
        ):
            if name not in known:
                near = did_you_mean(name, known) or "."
                raise UserError(f"there is no {what} '{name}'; there are {', '.join(known)}{near}")
        return cls(score, allocation or "equal")

    def __str__(self) -> str:
        return f"{self.score}:{self.allocation}"


@dataclass(frozen=True)
class Settings:
    """How networks are pruned.

    Attributes:
        methods: the scores and allocations that are compared.
        shares: of all units that go, in [0, 1), rising.
        unit: what goes at once.
        fold: whether the means of what goes are added to the biases.
        scoring: number of frames that scores and means are computed from, evenly spaced; quality is reported on the
            others. Where each frame has a network of its own, all frames serve for both.
        bits: of the file's quantisation.
        seed: of random scores and projections.
    """

    methods: tuple[Method, ...]
    shares: tuple[float, ...]
    unit: Unit = "kernel"
    fold: bool = False
    scoring: int = 4
    bits: int = 8
    seed: int = 0


@dataclass(frozen=True)
class PruningCurves:
    """Measures of several runs by each method, without any training after pruning.

    Attributes:
        settings: how they were pruned.
        runs: names of the runs.
        values: by measure, [runs, methods, shares].
        scoring: by run, positions of the frames that were looked at for scores.
        reporting: by run, positions of the frames whose PSNR is reported.
    """

    settings: Settings
    runs: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    scoring: tuple[tuple[int, ...], ...] = field(default=())
    reporting: tuple[tuple[int, ...], ...] = field(default=())

    def gains(self, method: int, reference: int) -> tuple[np.ndarray, np.ndarray]:
        """Bjøntegaard deltas of one method against another, by run: dB at equal bytes, change of bytes at equal dB."""
        pairs = [
            [(self.values["bytes"][run, m], self.values["psnr"][run, m]) for m in (method, reference)]
            for run in range(len(self.runs))
        ]
        return (
            np.array([psnr_gain(*pair) for pair in pairs]),
            np.array([rate_change(*pair) for pair in pairs]),
        )

    def csv(self) -> str:
        """A row for each run, method and share."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["run", "score", "allocation", "unit", "folded", "share_pruned", *MEASURES])
        for r, run in enumerate(self.runs):
            for m, method in enumerate(self.settings.methods):
                for s, share in enumerate(self.settings.shares):
                    writer.writerow(
                        [
                            *(
                                run,
                                method.score,
                                method.allocation,
                                self.settings.unit,
                                self.settings.fold,
                                share,
                            ),
                            *(self.values[name][r, m, s] for name in MEASURES),
                        ]
                    )
        return text.getvalue()

    def scalars(self) -> dict[str, float]:
        """Of each method and share, the runs' mean PSNR and mean size of the file."""
        return {
            f"{name}/{method.score}_{method.allocation}/{100 * share:g}_percent": float(of_run.mean())
            for name in ("psnr", "bytes")
            for m, method in enumerate(self.settings.methods)
            for share, of_run in zip(self.settings.shares, self.values[name][:, m].T, strict=True)
        }

    def config(self) -> dict[str, Any]:
        """What was pruned, and how."""
        methods = [str(method) for method in self.settings.methods]
        return {**asdict(self.settings), "methods": methods, "runs": list(self.runs)}

    def arrays(self) -> dict[str, np.ndarray]:
        """All values with the names along their axes."""
        return {
            "runs": np.array(self.runs),
            "methods": np.array([str(method) for method in self.settings.methods]),
            "shares": np.array(self.settings.shares),
            **self.values,
        }


def prune_runs(
    runs: Sequence[Path], settings: Settings, progress: Callable[[str], None] = lambda line: None
) -> PruningCurves:
    """Prune the networks of several runs and measure what is left of them.

    Args:
        runs: their folders.
        settings: how.
        progress: told in a line what is done next.

    Raises:
        UserError: if a run cannot be read, or has too few frames.
    """
    measured, scoring, reporting = [], [], []
    for run in runs:
        module, clip = load_run(run)
        looked_at, others = split_frames(module, settings.scoring)
        facts = facts_of(clip)
        by_method = []
        for method in settings.methods:
            progress(f"{run.name}: {method}")
            scores = scores_of(module, method.score, looked_at, clip.frames, settings.unit, settings.seed)
            curve = []
            for share in settings.shares:
                pruned, kept = pruned_copy(module, scores, share, method.allocation, settings, looked_at)
                content, frames = encode_clip(pruned, facts, settings.bits)
                bpp = 8 * len(content) / module.budget.pixels
                quality = psnr(frames[[*others]].to(clip.frames), clip.frames[[*others]])
                curve.append((*kept, len(content), bpp, quality))
            by_method.append(curve)
        measured.append(by_method)
        scoring.append(tuple(looked_at))
        reporting.append(tuple(others))
    table = np.array(measured, float)
    values = {name: table[..., i] for i, name in enumerate(MEASURES)}
    return PruningCurves(
        settings, tuple(run.resolve().name for run in runs), values, tuple(scoring), tuple(reporting)
    )


def pruned_copy(
    module: INRModule,
    scores: Mapping[str, torch.Tensor],
    share: float,
    allocation: str,
    settings: Settings,
    positions: Sequence[int],
) -> tuple[INRModule, tuple[float, float]]:
    """A copy without this share of the units, and the shares of kernels and parameters that it keeps."""
    weights = unit_weights(module, settings.unit)
    masks = masks_of(module, kept_units(scores, share, allocation, weights))
    pruned = copy.deepcopy(module)
    if settings.fold:
        fold_means(pruned, masks, positions)
    apply(pruned, masks)
    return pruned, shares_kept(module, masks)


def split_frames(module: INRModule, scoring: int) -> tuple[list[int], list[int]]:
    """Positions of the frames for scores, evenly spaced, and of the others, for reports.

    Raises:
        UserError: if no frame is left for either.
    """
    frames: int = module.hparams["clip_shape"][0]
    if not module.one_network:
        return [*range(frames)], [*range(frames)]
    if not 1 <= scoring < frames:
        raise UserError(
            f"scores from {scoring} of {frames} frames: it must be from 1 to {frames - 1}, so that others are left."
        )
    looked_at = scoring_positions(frames, scoring)
    return looked_at, [position for position in range(frames) if position not in looked_at]
