"""Where results go: the run folder first, then whatever loggers the run has."""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_warn
from numpy.typing import NDArray
from PIL import Image

from xinc_lightning.callbacks.wandb_run import Scalars, WandbRun, without_nan
from xinc_lightning.figures import Figure, rasterize


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
            self._report_overflow()
            self._send(self._write())

    def _report_overflow(self) -> None:
        """Analyses leave out what is not defined; what is not finite nevertheless has gone wrong."""
        broken = [name for name, value in self._scalars.items() if not math.isfinite(value)]
        if broken:
            rank_zero_warn(
                f"epoch {self.epoch}: {len(broken)} numbers are not finite, among them {broken[0]}: the network "
                "or what its neurons contribute has grown beyond float32."
            )

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
        record = {"epoch": self.epoch, "global_step": self.global_step, "scalars": without_nan(self._scalars)}
        (aside / "scalars.json").write_text(json.dumps(record, indent=1))
        if self.folder.exists():
            shutil.rmtree(self.folder)
        aside.rename(self.folder)
        return pictures

    def _send(self, pictures: Mapping[str, NDArray[np.uint8]]) -> None:
        caption = f"epoch {self.epoch}, step {self.global_step}"
        position = {"epoch": self.epoch, "trainer/global_step": self.global_step}
        for logger in self.loggers:
            if isinstance(logger, WandbRun):
                logger.log_pictures(pictures, {**self._scalars, **position}, caption)
            elif self._scalars:
                logger.log_metrics({**self._scalars, "epoch": self.epoch}, self.global_step)
