"""Where results go: the run folder first, then whatever loggers the run has. The only user of wandb."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_warn
from numpy.typing import NDArray
from PIL import Image

from xinc_lightning.figures import Figure, rasterize

Scalars = Mapping[str, float]


class WandbRun(WandbLogger):
    """Weights & Biases without surprises: offline where there is no key, and never the end of a training run.

    ``WANDB_MODE`` decides where it is set. Otherwise the run is online if an API key is configured, offline
    if not; and offline, too, if the server cannot be reached.

    Args:
        project: project on the server.
        name: name of the run; the run folder's unless given.
        save_dir: where wandb keeps its files; the run folder unless given.
        group: groups runs on the server.
        tags: words to find the run by.
        init_timeout: seconds to wait for the server.
    """

    def __init__(
        self,
        project: str = "xinc_lightning",
        name: str | None = None,
        save_dir: str | None = None,
        group: str | None = None,
        tags: list[str] | None = None,
        init_timeout: float = 30.0,
    ) -> None:
        import wandb

        settings = wandb.Settings(
            init_timeout=init_timeout, console="off", silent=True, x_disable_stats=True, quiet=True
        )
        super().__init__(
            name=name, save_dir=save_dir or ".", project=project, group=group, tags=tags, settings=settings
        )
        self._wandb_init.pop("anonymous", None)  # Lightning passes it on, wandb warns that it is gone

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The wandb run; started offline if there is no key or the server does not answer."""
        if self._experiment is None:
            import wandb

            self._wandb_init["mode"] = self._mode()
            try:
                return super().experiment
            except (wandb.errors.CommError, wandb.errors.UsageError) as error:
                rank_zero_warn(f"W&B is not available ({error}); this run is logged offline instead.")
                self._wandb_init["mode"] = "offline"
        return super().experiment

    def _mode(self) -> str:
        if mode := os.environ.get("WANDB_MODE"):
            return mode
        if has_api_key():
            return "online"
        print(
            "W&B: no API key found, so this run is logged offline; `wandb sync` uploads it later, "
            "`wandb login` makes the next one go online."
        )
        return "offline"

    def position(self) -> dict[str, Any]:
        """What a checkpoint has to hold, so that a resumed run can go on with this one."""
        return {"id": self.experiment.id, "step": self.experiment.step}

    def resume(self, position: Mapping[str, Any]) -> None:
        """Go on with a run where it was when a checkpoint was saved, under the same id, also offline."""
        self._wandb_init["id"] = self._id = position["id"]
        self.experiment.log({}, step=position["step"])  # rows that come again get the number they had

    def close(self) -> None:
        """Hand everything over to wandb and let go of its run, so that the next one in this process is new."""
        if self._experiment is not None:
            self._experiment.finish()
            self._experiment = None

    def where(self) -> str:
        """Where this run is to be seen, or the command that uploads it."""
        run = self.experiment
        if run.disabled:
            return "disabled"
        return f"wandb sync {Path(run.dir).parent}" if run.offline else run.url


def has_api_key() -> bool:
    """Whether wandb has a key for its server, from the environment, ``wandb login`` or .netrc."""
    import wandb

    return wandb.login(prompt=False, verify=False)


class Sink:
    """Collects one checkpoint's results, then writes them to the run folder and sends them to the loggers.

    The folder appears under its name only when everything is in it. Each logger gets all media in one call,
    because W&B counts its steps by calls.

    Args:
        folder: where the results are to be found.
        loggers: the trainer's.
        epoch: epochs completed.
        global_step: optimiser steps completed.
    """

    def __init__(self, folder: Path, loggers: Sequence[Logger], epoch: int, global_step: int) -> None:
        self.folder = folder
        self.loggers = loggers
        self.epoch = epoch
        self.global_step = global_step
        self._figures: dict[str, Figure] = {}
        self._arrays: dict[str, dict[str, NDArray[Any]]] = {}
        self._scalars: dict[str, float] = {}

    def figure(self, name: str, figure: Figure) -> None:
        """Keep a figure, to become ``<name>.png``."""
        self._figures[name] = figure

    def arrays(self, name: str, **arrays: NDArray[Any]) -> None:
        """Keep the numbers behind a figure, to become ``<name>.npz``."""
        self._arrays[name] = arrays

    def scalars(self, prefix: str, scalars: Scalars) -> None:
        """Keep numbers to be logged as ``<prefix>/<name>``."""
        self._scalars.update({f"{prefix}/{name}": float(value) for name, value in scalars.items()})

    def __enter__(self) -> "Sink":
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._send(self._write())

    def _write(self) -> dict[str, NDArray[np.uint8]]:
        """Write everything beside the folder, move it there, and return the pictures."""
        aside = self.folder.with_name(f".{self.folder.name}.unfinished")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        pictures = {name: rasterize(figure) for name, figure in self._figures.items()}
        for name, picture in pictures.items():
            path = aside / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
        for name, arrays in self._arrays.items():
            path = aside / f"{name}.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(path, allow_pickle=False, **arrays)
        record = {"epoch": self.epoch, "global_step": self.global_step, "scalars": self._scalars}
        (aside / "scalars.json").write_text(json.dumps(record, indent=1))
        if self.folder.exists():
            shutil.rmtree(self.folder)
        aside.rename(self.folder)
        return pictures

    def _send(self, pictures: Mapping[str, NDArray[np.uint8]]) -> None:
        caption = f"epoch {self.epoch}, step {self.global_step}"
        for logger in self.loggers:
            if isinstance(logger, WandbLogger):
                import wandb

                media = {
                    f"xinc/{name}": wandb.Image(picture, caption=caption)
                    for name, picture in pictures.items()
                }
                position = {"epoch": self.epoch, "trainer/global_step": self.global_step}
                logger.experiment.log({**media, **self._scalars, **position})
            elif self._scalars:
                logger.log_metrics({**self._scalars, "epoch": self.epoch}, self.global_step)
