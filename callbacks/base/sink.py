"""Writes results to the run folder, then sends them to the run's loggers."""

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
from xinc_lightning.runs.layout import NEURONS, SCALARS, SECONDS, SETTINGS, WEIGHTS, snapshot_folders
from xinc_lightning.runs.records import as_json, without_nan
from xinc_lightning.runs.scalar_names import current_name


@dataclass
class Part:
    """Results of one analysis.

    Attributes:
        label: distinguishes its names from those of another analysis of its class.
        options: of the analysis.
        pictures: figures, being rendered as PNG.
        titles: of the figures.
        arrays: the numbers shown in the figures.
        scalars: to be logged.
        pages: HTML pages.
        seconds: time spent on the analysis.
        error: the traceback if it failed.
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
    """Collects the results of one evaluation, writes them to the run folder and sends them to the loggers.

    The folder appears under its name only when it is complete. Each logger gets all media in one call,
    because W&B counts its steps by calls.

    Args:
        folder: where to write the results.
        loggers: those of the trainer.
        epoch: epochs completed.
        global_step: optimiser steps completed.
        last: whether training ends here, so that figures of the whole training are made.
        png: renders figures, at once or in another process.

    Attributes:
        neurons: a table of all neurons, to become ``neurons.csv``.
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
        self._weights: bytes | None = None
        self._part = Part()
        self._parts = {"": self._part}

    def figure(self, name: str, figure: Figure) -> None:
        """Render a figure, to become ``<name>.png``."""
        name = self._free(self._labelled(name), "pictures")
        self._part.titles[name] = figure.get_suptitle()
        self._part.pictures[name] = self._png(figure)

    def wait_for_figures(self) -> None:
        """Wait until the figures of the current analysis are rendered; errors of rendering are raised here."""
        for picture in self._part.pictures.values():
            picture.result()

    def result(self, result: Result, **more: NDArray[Any]) -> None:
        """Add a layer's result: its scalars, to be logged, and its arrays together with ``more``.

        Args:
            result: of an analysis of a layer.
            more: further arrays for the same file.
        """
        self.scalars(f"{result.analysis}/{result.layer}", result.scalars())
        self.arrays(f"{result.analysis}/{result.layer}", **more, **result.arrays())

    def arrays(self, name: str, **arrays: NDArray[Any]) -> None:
        """Add the numbers shown in a figure, to become ``<name>.npz``."""
        self._part.arrays[self._free(self._labelled(name), "arrays")] = arrays

    def scalars(self, prefix: str, scalars: Scalars) -> None:
        """Add scalars to be logged as ``<prefix>/<name>``."""
        for name, value in scalars.items():
            key = self._labelled(current_name(f"{prefix}/{name}"))
            self._part.scalars[self._free(key, "scalars")] = float(value)

    def about_neurons(self, layer: str, neurons: Sequence[int] | NDArray[Any], **columns: Any) -> None:
        """Add columns to the table of neurons, see :meth:`NeuronTable.add`."""
        label = f"-{self._part.label}" if self._part.label else ""
        named = {name + label * (name != THUMBNAIL): values for name, values in columns.items()}
        self.neurons.add(layer, neurons, **named)

    def settings(self, **settings: Any) -> None:
        """Add what the results depend on, to be written to ``settings.json``."""
        self._settings |= settings

    def weights(self, content: bytes) -> None:
        """Add the analysed network, to become ``weights.safetensors``."""
        self._weights = content

    @contextmanager
    def analysis(
        self, name: str, label: str = "", options: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """Assign what is added inside the block to one analysis; all of it is discarded if the block raises.

        Args:
            name: of the analysis, unique.
            label: appended to all names, unless empty.
            options: of the analysis, for ``settings.json``.
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
        """Add an HTML page, to become ``<name>.html``."""
        self._part.pages[self._free(self._labelled(name), "pages")] = html

    def earlier(self, name: str) -> dict[int, Path]:
        """Files ``<name>.npz`` of the run's earlier evaluations, by epoch."""
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
        """Write everything to the run folder, then send it to the loggers."""
        self._write()
        self._send()

    def make_up(self) -> None:
        """Send to the loggers what they have not got, of results that an earlier process wrote to the run folder."""
        results = self._results()
        for logger in run_loggers(self.loggers).values():
            if not logger.has(results):
                logger.log_results(results)

    def _labelled(self, name: str) -> str:
        """``variance`` as ``variance-<label>``, ``maps/head`` as ``maps-<label>/head``."""
        if not self._part.label:
            return name
        first, slash, rest = name.partition("/")
        return f"{first}-{self._part.label}{slash}{rest}"

    def _free(self, name: str, kind: str) -> str:
        if name in self._all(kind):
            raise ValueError(f"two results are named {name!r}: another analysis has used that name already.")
        return name

    def _all(self, kind: str) -> dict[str, Any]:
        """All results of one kind."""
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
                np.savez(
                    path, allow_pickle=False, **arrays
                )  # uncompressed: compressing is slow and saves little
            for name, html in self._all("pages").items():
                (folder / f"{name}.html").write_text(html, encoding="utf-8")
            self.neurons.write(folder / NEURONS)
            if self._weights is not None:
                (folder / WEIGHTS).write_bytes(self._weights)
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
            (folder / SCALARS).write_bytes(as_json({**position, "scalars": scalars}))
            (folder / SETTINGS).write_bytes(as_json(settings))
            # In its own file, so that all other files of two runs with one seed are identical.
            seconds = {name: part.seconds for name, part in analyses.items()}
            (folder / SECONDS).write_bytes(as_json(seconds))

    def _send(self) -> None:
        results = self._results()
        for logger in run_loggers(self.loggers).values():
            logger.log_results(results)

    def _results(self) -> EpochResults:
        pictures = {name: self.folder / f"{name}.png" for name in self._all("pictures")}
        neurons = self.neurons if self.last and self.neurons else None
        scalars, pages = self._all("scalars"), self._all("pages")
        return EpochResults(self.epoch, self.global_step, scalars, pictures, pages, neurons)
