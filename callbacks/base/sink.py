"""Where results go: the run folder first, then whatever loggers the run has."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from lightning.pytorch.loggers import Logger
from numpy.typing import NDArray

from xinc_lightning.analyses.neuron_table import THUMBNAIL, NeuronTable
from xinc_lightning.analyses.result import Result
from xinc_lightning.figures import Figure, png_now
from xinc_lightning.loggers import EpochResults, run_loggers
from xinc_lightning.loggers.protocol import Scalars
from xinc_lightning.runs.atomic import whole_folder
from xinc_lightning.runs.layout import NEURONS, SCALARS, SECONDS, SETTINGS, snapshot_folders
from xinc_lightning.runs.records import without_nan, write_json


@dataclass
class Part:
    """What one analysis handed over.

    Attributes:
        label: tells its names apart from those of another analysis of its class.
        options: the analysis's own.
        pictures: figures, being drawn as PNG.
        titles: the figures' headings.
        arrays: the numbers behind them.
        scalars: what is to be logged.
        pages: for a browser.
        seconds: spent on it.
        error: why it has nothing to hand over.
    """

    label: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    pictures: dict[str, Future[bytes]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)
    scalars: dict[str, float] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None

    def discard(self, error: str) -> None:
        """Discard all results and record the error."""
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
        png: draws figures, now or while the analyses go on.

    Attributes:
        neurons: what is known about each neuron, to become ``neurons.csv``.
    """

    def __init__(
        self,
        folder: Path,
        loggers: Sequence[Logger],
        epoch: int,
        global_step: int,
        last: bool = False,
        png: Callable[[Figure], Future[bytes]] = png_now,
    ) -> None:
        self.folder = folder
        self.loggers = loggers
        self.epoch = epoch
        self.global_step = global_step
        self.last = last
        self.neurons = NeuronTable()
        self._png = png
        self._settings: dict[str, Any] = {}
        self._part = Part()
        self._parts = {"": self._part}

    def figure(self, name: str, figure: Figure) -> None:
        """Draw a figure, to become ``<name>.png``."""
        name = self._free(self._labelled(name), "pictures")
        self._part.titles[name] = figure.get_suptitle()
        self._part.pictures[name] = self._png(figure)

    def wait_for_figures(self) -> None:
        """Wait until the figures of the current analysis are drawn; what drawing one raises, this raises."""
        for picture in self._part.pictures.values():
            picture.result()

    def result(self, result: Result, **more: NDArray[Any]) -> None:
        """Keep a layer's result: its numbers to be logged and, beside ``more``, its arrays, under its name.

        Args:
            result: what an analysis found out about a layer.
            more: arrays to be kept beside it.
        """
        self.scalars(f"xinc/{result.layer}/{result.analysis}", result.scalars())
        self.arrays(f"{result.analysis}/{result.layer}", **more, **result.arrays())

    def arrays(self, name: str, **arrays: NDArray[Any]) -> None:
        """Keep the numbers behind a figure, to become ``<name>.npz``."""
        self._part.arrays[self._free(self._labelled(name), "arrays")] = arrays

    def scalars(self, prefix: str, scalars: Scalars) -> None:
        """Keep numbers to be logged as ``<prefix>/<name>``."""
        prefix = f"{prefix}-{self._part.label}" if self._part.label else prefix
        for name, value in scalars.items():
            self._part.scalars[self._free(f"{prefix}/{name}", "scalars")] = float(value)

    def about_neurons(self, layer: str, neurons: Sequence[int] | NDArray[Any], **columns: Any) -> None:
        """Keep what is known about each of these neurons, see :meth:`NeuronTable.add`."""
        label = f"-{self._part.label}" if self._part.label else ""
        named = {name + label * (name != THUMBNAIL): values for name, values in columns.items()}
        self.neurons.add(layer, neurons, **named)

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
            self._part.discard(traceback.format_exc())
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
        found = {epoch: f / f"{name}.npz" for epoch, f in snapshot_folders(self.folder.parent).items()}
        return {e: path for e, path in found.items() if e < self.epoch and path.exists()}

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
                path.write_bytes(picture.result())
            for name, arrays in self._all("arrays").items():
                path = folder / f"{name}.npz"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savez(path, allow_pickle=False, **arrays)  # noise: compressing takes long and saves little
            for name, html in self._all("pages").items():
                (folder / f"{name}.html").write_text(html, encoding="utf-8")
            self.neurons.write(folder / NEURONS)
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
            scalars = without_nan(self._all("scalars"))
            write_json(folder / SCALARS, {**position, "scalars": scalars})
            write_json(folder / SETTINGS, settings)
            # Apart, so that all other files of two runs of one seed are the same.
            write_json(folder / SECONDS, {name: part.seconds for name, part in analyses.items()})

    def _send(self) -> None:
        pictures = {name: self.folder / f"{name}.png" for name in self._all("pictures")}
        neurons = self.neurons if self.last and self.neurons else None
        results = EpochResults(
            self.epoch, self.global_step, self._all("scalars"), pictures, self._all("pages"), neurons
        )
        for logger in run_loggers(self.loggers).values():
            logger.log_results(results)
