"""The networks that the paper trains, and their training through the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.main import main
from xinc_lightning.data import ClipDataModule
from xinc_lightning.data.own import BUNNY
from xinc_lightning.runs.layout import ANALYSES, CHECKPOINTS, REPORT, SCALARS, snapshot_name
from xinc_lightning.runs.reader import RunError

Architecture = Literal["ffn", "nerv"]

EVERY_NTH_FRAME = 5
"""Frames that get an FFN: as many as Cityscapes-VPS annotates."""


@dataclass(frozen=True)
class Plan:
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

    @property
    def fits(self) -> list["Fit"]:
        """An FFN run and a NeRV run for each clip and seed."""
        return [
            Fit(architecture, clip, seed, self)
            for clip in self.clips
            for seed in self.seeds
            for architecture in ("ffn", "nerv")
        ]


@dataclass(frozen=True)
class Fit:
    """One training.

    Attributes:
        architecture: a NeRV for the clip, or an FFN for each of several of its frames, trained together.
        clip: id of the clip, None for the one there is.
        seed: of all random numbers.
        plan: to which it belongs.
    """

    architecture: Architecture
    clip: str | None
    seed: int
    plan: Plan

    @property
    def name(self) -> str:
        """Of the run's folder, without its number."""
        return "-".join(filter(None, (self.architecture, self.clip, f"seed{self.seed}")))

    @property
    def runs(self) -> Path:
        """Folder of the runs."""
        return self.plan.out / "runs"

    def config(self) -> dict[str, Any]:
        """The shipped config of the architecture, for this clip and seed."""
        text = shipped_configs()[f"{self.architecture}.yaml"].read_text(encoding="utf-8")
        config: dict[str, Any] = yaml.safe_load(text)
        data, trainer = config["data"], config["trainer"]
        config |= {"name": self.name, "seed_everything": self.seed}
        data |= {"path": self.plan.data, "clip_id": self.clip, "frames": self._clip_frames()}
        if self.plan.fast:
            data["resize"] = [32, 64]
            trainer["max_epochs"] = 4
        clip = ClipDataModule(**{**data, "batch_size": None}).clip
        annotated = clip.annotated or (0,)
        frame = annotated[0]
        if self.architecture == "ffn":
            data["frames"] = [*clip.indices[frame::EVERY_NTH_FRAME]]
            frame = 0
        trainer["default_root_dir"] = str(self.runs)
        trainer["check_val_every_n_epoch"] = min(trainer["check_val_every_n_epoch"], trainer["max_epochs"])
        trainer["logger"] = [
            logger for logger in trainer["logger"] if not logger["class_path"].endswith("WandbRun")
        ]
        for callback in trainer["callbacks"]:
            self._set_up(callback, trainer["max_epochs"], frame, len(clip))
        return config

    def _clip_frames(self) -> str:
        """Of the demo clip as many as the paper's clips have; others are taken whole."""
        return "0:6" if self.plan.fast else "0:30" if self.plan.data == BUNNY else "all"

    def _set_up(self, callback: dict[str, Any], epochs: int, frame: int, frames: int) -> None:
        """Analyse the trained network only, at the chosen frame."""
        name, options = callback["class_path"].rpartition(".")[2], callback.setdefault("init_args", {})
        if any(options.pop(cadence, None) is not None for cadence in CADENCES):
            options["every_n_epochs"] = epochs
        if name in FRAME_ANALYSES:
            options["frame"] = frame
        if name == "FlowVsFluctuation":  # at two time steps, as in Fig 9
            options["steps"] = sorted({max(frames // 3, 1), max(2 * frames // 3, 1)})
        if name == "NeuronClusters" and self.plan.fast:
            options["max_neurons"] = 100

    def run(self) -> Path | None:
        """The folder of the finished run, if there is one."""
        epochs = self._epochs()
        finished = [
            path
            for path in sorted(self.runs.glob(f"{self.name}-*"))
            if path.name.removeprefix(f"{self.name}-").isdigit()
            and (path / REPORT).is_file()
            and (path / ANALYSES / snapshot_name(epochs) / SCALARS).is_file()
        ]
        return finished[-1] if finished else None

    def _epochs(self) -> int:
        config = yaml.safe_load(shipped_configs()[f"{self.architecture}.yaml"].read_text(encoding="utf-8"))
        return 4 if self.plan.fast else int(config["trainer"]["max_epochs"])


CADENCES = ("every_n_epochs", "epochs", "log_spaced", "at_checkpoints")
FRAME_ANALYSES = (
    "ContributionMaps",
    "GroupingVariance",
    "ContributionVsIntensity",
    "PixelsPerNeuron",
    "NeuronsPerPixel",
    "NeuronClusters",
)


def carry_out(fits: Sequence[Fit]) -> list[Path]:
    """Train the missing networks; interrupted trainings are resumed from their last checkpoints.

    Returns:
        The runs' folders, one a fit.

    Raises:
        RunError: if a training stopped before its end.
        SystemExit: if a command failed; it has printed why.
    """
    folders = []
    for number, fit in enumerate(fits, start=1):
        done = fit.run()
        print(f"fit {number} of {len(fits)}: {fit.name}" + (f" is done ({done})" if done else ""), flush=True)
        folders.append(done or _train(fit))
    return folders


def _train(fit: Fit) -> Path:
    file = fit.plan.out / "configs" / f"{fit.name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(fit.config(), sort_keys=False), encoding="utf-8")
    command = ["fit", "--config", str(file)]
    if [*fit.runs.glob(f"{fit.name}-*/{CHECKPOINTS}/last*.ckpt")]:
        command += ["--ckpt_path", "last"]
    main(command)  # which ends this program, in one sentence, if it cannot go on
    run = fit.run()
    if run is None:
        raise RunError(f"the training '{fit.name}' did not finish; run this again to resume.")
    return run
