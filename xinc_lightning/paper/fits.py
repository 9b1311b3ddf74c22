"""The networks that the paper trains, as a plan of a fleet."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.fleet import train_missing
from xinc_lightning.data import ClipDataModule
from xinc_lightning.data.own import BUNNY
from xinc_lightning.runs.reader import RunError
from xinc_lightning.studies.fleet.fleet import Engine
from xinc_lightning.studies.fleet.plan import Plan, make_plan
from xinc_lightning.studies.fleet.state import LOGS, runs_of

Architecture = Literal["ffn", "nerv"]
ARCHITECTURES: tuple[Architecture, ...] = ("ffn", "nerv")

EVERY_NTH_FRAME = 5
"""Frames that get an FFN: as many as Cityscapes-VPS annotates."""


@dataclass(frozen=True)
class Experiment:
    """What to reproduce, and where.

    Attributes:
        data: ``--data.path`` of the clips.
        clips: ids of a dataset's clips; None stands for the one clip that the path is.
        seeds: of the trainings.
        out: folder for runs, figures and the report.
        fast: a few epochs of a few tiny frames, to check that everything works.
    """

    data: str
    clips: tuple[str | None, ...]
    seeds: tuple[int, ...]
    out: Path
    fast: bool = False

    def plan(self) -> Plan:
        """An FFN run and a NeRV run for each clip and seed; writes their configs.

        Raises:
            DataError: if a clip cannot be read.
        """
        grids = []
        for clip in self.clips:
            for architecture in ARCHITECTURES:
                file = self.out / "configs" / (clip or "") / f"{architecture}.yaml"
                file.parent.mkdir(parents=True, exist_ok=True)
                config = self.config(architecture, clip)
                file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
                axes = {"clips": [clip]} if clip else {}
                grids.append({"config": str(file), **axes, "seeds": [*self.seeds]})
        content = {"name": self.out.name, "runs": str(self.out / "runs"), "grid": grids}
        return make_plan(content, shipped_configs())

    def config(self, architecture: Architecture, clip_id: str | None) -> dict[str, Any]:
        """The shipped config of an architecture, for a clip."""
        text = shipped_configs()[f"{architecture}.yaml"].read_text(encoding="utf-8")
        config: dict[str, Any] = yaml.safe_load(text)
        data, trainer = config["data"], config["trainer"]
        data |= {"path": self.data, "clip_id": clip_id, "frames": self._clip_frames()}
        if self.fast:
            data["resize"] = [32, 64]
            trainer["max_epochs"] = 4
        clip = ClipDataModule(**{**data, "batch_size": None}).clip
        annotated = clip.annotated or (0,)
        frame = annotated[0]
        if architecture == "ffn":
            data["frames"] = [*clip.indices[frame::EVERY_NTH_FRAME]]
            frame = 0
        trainer["check_val_every_n_epoch"] = min(trainer["check_val_every_n_epoch"], trainer["max_epochs"])
        trainer["logger"] = [
            logger for logger in trainer["logger"] if not logger["class_path"].endswith("WandbRun")
        ]
        for callback in trainer["callbacks"]:
            self._set_up(callback, trainer["max_epochs"], frame, len(clip))
        return config

    def _clip_frames(self) -> str:
        """Of the demo clip as many as the paper's clips have; others are taken whole."""
        return "0:6" if self.fast else "0:30" if self.data == BUNNY else "all"

    def _set_up(self, callback: dict[str, Any], epochs: int, frame: int, frames: int) -> None:
        """Analyse the trained network only, at the chosen frame."""
        name, options = callback["class_path"].rpartition(".")[2], callback.setdefault("init_args", {})
        if any(options.pop(cadence, None) is not None for cadence in CADENCES):
            options["every_n_epochs"] = epochs
        if name in FRAME_ANALYSES:
            options["frame"] = frame
        if name == "FlowVsFluctuation":  # at two time steps, as in Fig 9
            options["steps"] = sorted({max(frames // 3, 1), max(2 * frames // 3, 1)})
        if name == "NeuronClusters" and self.fast:
            options["max_neurons"] = 100


CADENCES = ("every_n_epochs", "epochs", "log_spaced", "at_checkpoints")
FRAME_ANALYSES = (
    "ContributionMaps",
    "GroupingVariance",
    "ContributionVsIntensity",
    "PixelsPerNeuron",
    "NeuronsPerPixel",
    "NeuronClusters",
)


def train(plan: Plan, engine: Callable[[], Engine]) -> list[tuple[Path, Path]]:
    """Train the missing networks; interrupted trainings go on from their last checkpoints.

    Args:
        plan: of the fits.
        engine: makes what runs them, if there is anything to run.

    Returns:
        The folders of the FFN's and the NeRV's run, for each clip and seed.

    Raises:
        RunError: if a training failed or was stopped.
        UserError: if a command is not valid.
    """
    for status in train_missing(plan, engine):
        if status.state != "done":
            why = status.reason or "it was stopped"
            raise RunError(
                f"the training '{status.cell.name}' did not finish: {why}. Run this again to go on; "
                f"what it printed is in '{plan.runs / LOGS}'."
            )
    runs = runs_of(plan)
    found: dict[tuple[str | None, str], list[Path]] = {}
    for cell in plan.cells:  # each clip's FFNs come before its NeRVs
        found.setdefault((cell.labels.get("clip"), cell.labels["seed"]), []).append(runs[cell.name])
    return [(ffn, nerv) for ffn, nerv in found.values()]
