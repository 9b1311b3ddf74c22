"""Results of all analyses of an epoch for each neuron, joined into one table."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xinc_lightning.canvas import FrameCanvas, FrameStatistics

THUMBNAIL = "thumbnail"
"""The column of thumbnails, which a text file does not have."""


class NeuronTable:
    """A row per neuron, identified by layer and index; each analysis adds its columns.

    >>> table = NeuronTable()
    >>> table.add("head", [0, 2], dead=[False, True])
    >>> table.add("head", [2], cluster=[1])
    >>> table.columns
    ('dead', 'cluster')
    >>> list(table.rows())
    [['head', 0, False, None], ['head', 2, True, 1]]
    """

    def __init__(self) -> None:
        self._layers: dict[str, dict[str, dict[int, Any]]] = {}

    def __bool__(self) -> bool:
        return bool(self._layers)

    def add(
        self, layer: str, neurons: Sequence[int] | NDArray[Any], **columns: Sequence[Any] | NDArray[Any]
    ) -> None:
        """Add to the rows of a layer's neurons.

        Args:
            layer: name of the layer.
            neurons: indices of the neurons.
            columns: a value for each; ``thumbnail`` is [neurons, height, width] bytes.
        """
        indices = np.asarray(neurons).tolist()
        into = self._layers.setdefault(layer, {})
        for name, values in columns.items():
            plain = list(values) if name == THUMBNAIL else np.asarray(values).tolist()
            into.setdefault(name, {}).update(zip(indices, plain, strict=True))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns except layer, neuron and thumbnail, in the order in which they were added."""
        names = dict.fromkeys(name for columns in self._layers.values() for name in columns)
        return tuple(name for name in names if name != THUMBNAIL)

    def rows(self, having: str | None = None) -> Iterator[list[Any]]:
        """Layer, neuron and a value for each column, None where there is none.

        Args:
            having: only neurons that have a value in this column.
        """
        for columns in self._tables(having):
            yield from map(list, zip(*columns, strict=True))

    def _tables(self, having: str | None = None) -> Iterator[list[list[Any]]]:
        """By layer, the columns of :meth:`rows`."""
        for layer, columns in self._layers.items():
            known = columns.get(having, {}) if having else set[int]().union(*columns.values())
            neurons = sorted(known)
            values = [list(map(columns.get(name, {}).get, neurons)) for name in self.columns]
            yield [[layer] * len(neurons), neurons, *values]

    def thumbnail(self, layer: str, neuron: int) -> NDArray[np.uint8]:
        """A neuron's thumbnail, [height, width]."""
        picture: NDArray[np.uint8] = self._layers[layer][THUMBNAIL][neuron]
        return picture

    def write(self, path: Path) -> None:
        """Write all columns but the thumbnails as CSV, unless there are no neurons."""
        if self:
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["layer", "neuron", *self.columns])
                for columns in self._tables():
                    writer.writerows(zip(*map(_short, columns), strict=True))


def identity(layer: FrameCanvas, statistics: FrameStatistics) -> dict[str, NDArray[Any]]:
    """Columns that identify the neurons, and their total contribution; ``pruned`` only where some are.

    ``dead``, the paper's word for no contribution, goes with version 0.3.

    Args:
        layer: the layer's canvas.
        statistics: its reductions.
    """
    labels = {name: values[statistics.neurons].cpu().numpy() for name, values in layer.labels.items()}
    total = statistics.absolute_sum.cpu().numpy()
    inactive = layer.inactive[statistics.neurons].cpu().numpy()
    none = total == 0
    pruned = layer.pruned[statistics.neurons].cpu().numpy()
    marked = {"pruned": pruned} if pruned.any() else {}
    return {
        **labels,
        "absolute_sum": total,
        "no_contribution": none,
        "inactive": inactive,
        "dead": none,
        **marked,
    }


def _short(column: list[Any]) -> list[Any]:
    """Format a column; seven digits distinguish float32 numbers."""
    return [f"{value:.7g}" if isinstance(value, float) else value for value in column]
