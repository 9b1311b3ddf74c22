"""Results of the analyses, restored from their files."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from xinc_lightning.analyses.result import Result
from xinc_lightning.data import ClipDataModule, PanopticClip
from xinc_lightning.runs.reader import Run, Snapshot, read_run

R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Trained:
    """A finished run, its last snapshot, and the clip it represents.

    Attributes:
        run: the run.
        clip: frames and masks, as it was trained on.
    """

    run: Run
    clip: PanopticClip

    @property
    def snapshot(self) -> Snapshot:
        """The analyses of the trained network."""
        return self.run.snapshots[-1]

    @property
    def layers(self) -> tuple[str, ...]:
        """Input side first."""
        return self.snapshot.layers("maps")

    @property
    def frame(self) -> int:
        """Position of the analysed frame."""
        return _option(self.run, "ContributionMaps", "frame")

    @property
    def picture(self) -> np.ndarray:
        """That frame, [height, width, 3] in [0, 1]."""
        return self.clip.frames[self.frame].permute(1, 2, 0).numpy()

    def scalar(self, layer: str, name: str) -> float:
        """A scalar of the trained network; NaN if it was not logged."""
        analysis, _, quantity = name.partition("/")
        return self.snapshot.scalars.get(f"{analysis}/{layer}/{quantity}", np.nan)

    def label(self, layer: str) -> str:
        """A layer's name beside another architecture's: ``FFN layer3``."""
        return f"{self.run.architecture} {layer}"

    def result(self, kind: type[R], layer: str) -> R:
        """Result of an analysis of a layer, with a layer name that includes the architecture."""
        result = kind.from_arrays(self.snapshot.arrays(kind.analysis, layer))
        return replace(result, layer=self.label(layer))


def read_trained(folder: Path) -> Trained:
    """A finished run and its clip.

    Raises:
        RunError: if the run cannot be read.
    """
    run = read_run(folder)
    return Trained(run, ClipDataModule(**{**run.config["data"], "batch_size": None}).clip)


def _option(run: Run, callback: str, name: str) -> int:
    """What a callback of the run was given."""
    callbacks = run.config["trainer"]["callbacks"]
    options = next(c["init_args"] for c in callbacks if c["class_path"].endswith(f".{callback}"))
    return int(options[name])
