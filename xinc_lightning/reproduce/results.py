"""Results as the analyses computed them, rebuilt from what they saved."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xinc_lightning.analyses import (
    ContributionVsIntensityResult,
    FlowVsFluctuationResult,
    GroupingVarianceResult,
    NeuronClustersResult,
    NeuronsPerPixelResult,
    PixelsPerNeuronResult,
    ShiftNull,
    ThingsAndStuffResult,
)
from xinc_lightning.data import ClipDataModule, PanopticClip
from xinc_lightning.run_results import Checkpoint, Run, read_run


@dataclass(frozen=True)
class Trained:
    """A finished run, its last checkpoint, and the clip it represents.

    Attributes:
        run: the run.
        clip: frames and masks, as it was trained on.
    """

    run: Run
    clip: PanopticClip

    @property
    def checkpoint(self) -> Checkpoint:
        """Of the trained network."""
        return self.run.checkpoints[-1]

    @property
    def layers(self) -> tuple[str, ...]:
        """Input side first."""
        return self.checkpoint.layers("maps")

    @property
    def frame(self) -> int:
        """Position of the frame that the analyses look at."""
        return _option(self.run, "ContributionMaps", "frame")

    @property
    def picture(self) -> np.ndarray:
        """That frame, [height, width, 3] in [0, 1]."""
        return self.clip.frames[self.frame].permute(1, 2, 0).numpy()

    def scalar(self, layer: str, name: str) -> float:
        """A number of the trained network; NaN if it was not logged."""
        return self.checkpoint.scalars.get(f"xinc/{layer}/{name}", np.nan)

    def label(self, layer: str) -> str:
        """A layer's name beside another architecture's: ``FFN layer3``."""
        return f"{self.run.architecture} {layer}"

    def variance(self, layer: str) -> GroupingVarianceResult:
        """See :class:`GroupingVarianceResult`."""
        saved = self.checkpoint.arrays("variance", layer)
        scores = {key.removeprefix("scores_"): saved[key] for key in saved if key.startswith("scores_")}
        null = None
        if "null_shifts" in saved:
            tested = {name: saved[f"null_{name}"] for name in scores if f"null_{name}" in saved}
            null = ShiftNull(saved["null_neurons"], saved["null_shifts"], tested)
        return GroupingVarianceResult(
            self.label(layer), saved["neurons"], saved["dead"], scores, bool(saved["std"]), null
        )

    def intensity(self, layer: str) -> ContributionVsIntensityResult:
        """See :class:`ContributionVsIntensityResult`."""
        saved = self.checkpoint.arrays("intensity", layer)
        return ContributionVsIntensityResult(
            self.label(layer),
            saved["contribution"],
            saved["intensity"],
            saved["edges"],
            self.scalar(layer, "intensity/intensity_correlation"),
            self.scalar(layer, "intensity/edge_correlation"),
        )

    def pixels_per_neuron(self, layer: str) -> PixelsPerNeuronResult:
        """See :class:`PixelsPerNeuronResult`."""
        saved = self.checkpoint.arrays("pixels_per_neuron", layer)
        return PixelsPerNeuronResult(
            self.label(layer), saved["neurons"], saved["counts"], saved["dead"], int(saved["pixels"])
        )

    def neurons_per_pixel(self, layer: str) -> NeuronsPerPixelResult:
        """See :class:`NeuronsPerPixelResult`."""
        saved = self.checkpoint.arrays("neurons_per_pixel", layer)
        return NeuronsPerPixelResult(
            layer=self.label(layer),
            neurons=len(self.checkpoint.arrays("pixels_per_neuron", layer)["neurons"]),
            thresholds=tuple(float(x) for x in saved["thresholds"]),
            tau=saved["tau"],
            share=saved["share"],
            effective=saved["effective"],
            curve=saved["curve"],
        )

    def things_and_stuff(self, layer: str) -> ThingsAndStuffResult:
        """See :class:`ThingsAndStuffResult`."""
        saved = self.checkpoint.arrays("things_and_stuff", layer)
        return ThingsAndStuffResult(
            layer=self.label(layer),
            neurons=saved["neurons"],
            labels=tuple(map(str, saved["labels"])),
            segments=self.clip.segments,
            frames=saved["frames"],
            density=saved["density"],
        )

    def flow_vs_fluctuation(self, layer: str) -> FlowVsFluctuationResult:
        """See :class:`FlowVsFluctuationResult`."""
        saved = self.checkpoint.arrays("flow_vs_fluctuation", layer)
        return FlowVsFluctuationResult(
            layer=self.label(layer),
            neurons=int(saved["neurons"]),
            total_neurons=len(self.checkpoint.arrays("pixels_per_neuron", layer)["neurons"]),
            frames=saved["frames"],
            moving=saved["moving"],
            fluctuation=saved["fluctuation"],
            spearman=saved["spearman"],
            auc=saved["auc"],
        )

    def neuron_clusters(self, layer: str) -> NeuronClustersResult:
        """See :class:`NeuronClustersResult`."""
        saved = self.checkpoint.arrays("neuron_clusters", layer)
        arrays = (
            "neurons",
            "vectors",
            "cluster_areas",
            "positions",
            "clusters",
            "shown",
            "shown_clusters",
            "maps",
        )
        counts = {name: int(saved[name]) for name in ("total_neurons", "sampled", "neighbours")}
        return NeuronClustersResult(
            **{name: saved[name] for name in arrays},  # type: ignore[arg-type]
            **counts,  # type: ignore[arg-type]
            layer=self.label(layer),
            labels=tuple(map(str, saved["labels"])),
            silhouette=self.scalar(layer, "neuron_clusters/silhouette"),
        )


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
