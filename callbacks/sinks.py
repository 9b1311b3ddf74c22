"""Where results go: the run folder first, then whatever loggers the run has. The only user of wandb."""

import itertools
import json
import math
import os
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_warn
from numpy.typing import NDArray
from PIL import Image

from xinc_lightning.analyses import evenly_spaced
from xinc_lightning.callbacks.atomic import whole_folder
from xinc_lightning.callbacks.neuron_table import THUMBNAIL, NeuronTable
from xinc_lightning.figures import Figure, rasterize

Scalars = Mapping[str, float]

TABLE_ROWS = 1000
"""Neurons in W&B's table, evenly spaced over those that have a picture; ``neurons.csv`` has all."""


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


class MetricsFile(CSVLogger):
    """Every logged number in ``<run>/metrics.csv``, for those who use no W&B.

    What a run logged before it was resumed is kept as ``metrics-part1.csv`` and so on.

    Args:
        save_dir: where to write; the run folder unless given.
    """

    def __init__(self, save_dir: str | None = None) -> None:
        super().__init__(save_dir or ".", name="", version="")
        earlier = Path(self.log_dir) / "metrics.csv"
        if earlier.exists():  # of the part of the run before it was resumed; the writer would delete it
            parts = itertools.count(1)
            earlier.rename(
                next(p for n in parts if not (p := earlier.with_name(f"metrics-part{n}.csv")).exists())
            )


@dataclass
class Part:
    """What one analysis handed over.

    Attributes:
        label: tells its names apart from those of another analysis of its class.
        options: the analysis's own.
        pictures: drawn figures.
        titles: the figures' headings.
        arrays: the numbers behind them.
        scalars: what is to be logged.
        pages: for a browser.
        seconds: spent on it.
        error: why it has nothing to hand over.
    """

    label: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    pictures: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)
    scalars: dict[str, float] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None

    def drop(self, error: str) -> None:
        """Keep nothing but why."""
        for results in (self.pictures, self.titles, self.arrays, self.scalars, self.pages):
            results.clear()
        self.error = error


class Sink:
    """Collects one checkpoint's results, then writes them to the run folder and sends them to the loggers.

    The folder appears under its name only when everything is in it. Each logger gets all media in one call,
    because W&B counts its steps by calls.

    Args:
        folder: where the results are to be found.
        loggers: the trainer's.
        epoch: epochs completed.
        global_step: optimiser steps completed.
        last: whether training ends here, so that what is made once is made now.

    Attributes:
        neurons: what is known about each neuron, to become ``neurons.csv``.
    """

    def __init__(
        self, folder: Path, loggers: Sequence[Logger], epoch: int, global_step: int, last: bool = False
    ) -> None:
        self.folder = folder
        self.loggers = loggers
        self.epoch = epoch
        self.global_step = global_step
        self.last = last
        self.neurons = NeuronTable()
        self._settings: dict[str, Any] = {}
        self._part = Part()
        self._parts = {"": self._part}

    def figure(self, name: str, figure: Figure) -> None:
        """Draw a figure, to become ``<name>.png``."""
        name = self._free(self._labelled(name), "pictures")
        self._part.titles[name] = figure.get_suptitle()
        self._part.pictures[name] = rasterize(figure)

    def arrays(self, name: str, **arrays: NDArray[Any]) -> None:
        """Keep the numbers behind a figure, to become ``<name>.npz``."""
        self._part.arrays[self._free(self._labelled(name), "arrays")] = arrays

    def scalars(self, prefix: str, scalars: Scalars) -> None:
        """Keep numbers to be logged as ``<prefix>/<name>``."""
        prefix = f"{prefix}-{self._part.label}" if self._part.label else prefix
        for name, value in scalars.items():
            self._part.scalars[self._free(f"{prefix}/{name}", "scalars")] = float(value)

    def settings(self, **settings: Any) -> None:
        """Keep what the results depend on, to be written to ``settings.json``."""
        self._settings |= settings

    @contextmanager
    def analysis(
        self, name: str, label: str = "", options: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """What is handed over meanwhile is one analysis's; nothing of it is kept if it raises.

        Args:
            name: of the analysis, unique.
            label: appended to everything's name, unless empty.
            options: the analysis's, for ``settings.json``.
        """
        self._part = self._parts.setdefault(name, Part(label, options or {}))
        start = time.perf_counter()
        try:
            yield
        except Exception:
            self._part.drop(traceback.format_exc())
            raise
        finally:
            self._part.seconds += time.perf_counter() - start
            self._part = self._parts[""]

    def page(self, name: str, html: str) -> None:
        """Keep a page for a browser, to become ``<name>.html``."""
        self._part.pages[self._free(self._labelled(name), "pages")] = html

    def earlier(self, name: str) -> dict[int, Path]:
        """Files ``<name>.npz`` of the run's earlier checkpoints, by epoch."""
        name = self._labelled(name)
        found = {
            int(folder.name.removeprefix("epoch=")): folder / f"{name}.npz"
            for folder in sorted(self.folder.parent.glob("epoch=[0-9]*"))
        }
        return {e: path for e, path in sorted(found.items()) if e < self.epoch and path.exists()}

    def __enter__(self) -> "Sink":
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()

    def close(self) -> None:
        """Write everything, then send it."""
        self._write()
        self._send()

    def _labelled(self, name: str) -> str:
        """``variance`` as ``variance-<label>``, ``maps/head`` as ``maps-<label>/head``."""
        if not self._part.label:
            return name
        first, slash, rest = name.partition("/")
        return f"{first}-{self._part.label}{slash}{rest}"

    def _free(self, name: str, kind: str) -> str:
        if name in self._all(kind):
            raise ValueError(f"two results are called {name!r}: another analysis has that name already.")
        return name

    def _all(self, kind: str) -> dict[str, Any]:
        """The parts' results of one kind together."""
        return {name: result for part in self._parts.values() for name, result in getattr(part, kind).items()}

    def _write(self) -> None:
        with whole_folder(self.folder) as folder:
            for name, picture in self._all("pictures").items():
                path = folder / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(path, compress_level=1)  # twice as fast, a tenth larger
            for name, arrays in self._all("arrays").items():
                path = folder / f"{name}.npz"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savez(path, allow_pickle=False, **arrays)  # noise: compressing takes long and saves little
            for name, html in self._all("pages").items():
                (folder / f"{name}.html").write_text(html, encoding="utf-8")
            self.neurons.write(folder)
            position = {"epoch": self.epoch, "global_step": self.global_step}
            analyses = {name: part for name, part in self._parts.items() if name}
            errors = {name: part.error for name, part in analyses.items() if part.error}
            settings = {
                **position,
                **self._settings,
                "analyses": {name: part.options for name, part in analyses.items()},
                "titles": self._all("titles"),
                **({"errors": errors} if errors else {}),
            }
            scalars = {n: v if math.isfinite(v) else None for n, v in self._all("scalars").items()}
            write_json(folder / "scalars.json", {**position, "scalars": scalars})
            write_json(folder / "settings.json", settings)
            # Apart, so that all other files of two runs of one seed are the same.
            write_json(folder / "seconds.json", {name: part.seconds for name, part in analyses.items()})

    def _send(self) -> None:
        caption = f"epoch {self.epoch}, step {self.global_step}"
        scalars = self._all("scalars")
        for logger in self.loggers:
            if isinstance(logger, WandbLogger):
                import wandb

                media: dict[str, Any] = {
                    f"xinc/{name}": wandb.Image(picture, caption=caption)
                    for name, picture in self._all("pictures").items()
                }
                media |= {
                    f"xinc/{name}": wandb.Html(html, inject=False)
                    for name, html in self._all("pages").items()
                }
                if self.last and self.neurons:
                    media["xinc/neuron_table"] = neuron_table(self.neurons)
                position = {"epoch": self.epoch, "trainer/global_step": self.global_step}
                logger.experiment.log({**media, **scalars, **position})
            elif scalars:
                logger.log_metrics({**scalars, "epoch": self.epoch}, self.global_step)


def neuron_table(neurons: NeuronTable) -> Any:
    """W&B's table of those neurons that have a picture, or of all if none has."""
    import wandb

    pictured = list(neurons.rows(THUMBNAIL))
    rows = pictured or list(neurons.rows())
    table = wandb.Table(columns=["layer", "neuron", *neurons.columns, *[THUMBNAIL] * bool(pictured)])
    for place in evenly_spaced(range(len(rows)), TABLE_ROWS):
        row = rows[place]
        picture = [wandb.Image(neurons.thumbnail(*row[:2]))] if pictured else []
        table.add_data(*row, *picture)
    return table


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record for people and programs, in an order that does not depend on that of the analyses."""
    path.write_text(json.dumps(record, indent=1, sort_keys=True, allow_nan=False, default=str) + "\n")
