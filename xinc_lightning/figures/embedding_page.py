"""The neurons' embeddings as an interactive, self-contained HTML page."""

import base64
import io
import json
from collections.abc import Sequence
from html import escape
from importlib import resources
from math import ceil, sqrt

import numpy as np
from PIL import Image

from xinc_lightning.analyses import NeuronClustersResult
from xinc_lightning.figures.style import CLUSTER_COLOURS
from xinc_lightning.text import printable

QUALITY = 55
"""JPEG quality of the thumbnails."""


def embedding_page(
    results: Sequence[NeuronClustersResult],
    totals: Sequence[np.ndarray],
    thumbnails: Sequence[np.ndarray],
    title: str,
) -> str:
    """HTML with a scatter plot for each layer; pointing at a neuron shows its map, cluster and Σ|c|.

    All thumbnails are in one image inside the page, which needs no network connection.

    Args:
        results: one per layer.
        totals: for each layer, [n] Σ|c| of its neurons.
        thumbnails: for each layer, [n, height, width] bytes.
        title: of the page.
    """
    height, width = thumbnails[0].shape[1:]
    count = sum(len(pictures) for pictures in thumbnails)
    columns = max(ceil(sqrt(count * height / width)), 1)
    layers = [
        {
            "name": result.layer,
            "method": f"{result.method}, {len(result.neurons):,} of {result.total_neurons:,} neurons",
            "neurons": result.neurons.tolist(),
            "x": _unit(result.positions[:, 0]),
            "y": _unit(-result.positions[:, 1]),
            "clusters": result.clusters.tolist(),
            "totals": [float(f"{value:.3g}") for value in total],
        }
        for result, total in zip(results, totals, strict=True)
    ]
    data = {
        "layers": layers,
        "size": [width, height],
        "columns": columns,
        "colours": CLUSTER_COLOURS,
        "sprite": _sprite(np.concatenate(thumbnails), columns),
    }
    page = resources.files("xinc_lightning.figures").joinpath("embedding_page.html").read_text("utf-8")
    return page.replace("TITLE", escape(printable(title))).replace(
        '"DATA"', json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    )


def thumbnails_of(maps: np.ndarray, side: int = 32) -> np.ndarray:
    """Maps [n, height, width] of |c| as 8-bit thumbnails, each scaled to its largest value.

    Args:
        maps: not negative.
        side: pixels of the longer side, or fewer.

    >>> thumbnails_of(np.ones((3, 64, 128))).shape
    (3, 16, 32)
    """
    import cv2

    height, width = maps.shape[1:]
    scale = min(side / max(height, width), 1)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in maps.astype(np.float32)]
    stacked = np.stack(small) if small else np.zeros((0, size[1], size[0]))
    largest = stacked.max((1, 2), keepdims=True, initial=0)
    pictures: np.ndarray = (stacked / np.where(largest > 0, largest, 1) * 255).round().astype(np.uint8)
    return pictures


def _sprite(thumbnails: np.ndarray, columns: int) -> str:
    """All thumbnails row by row in one image, as a data URL."""
    count, height, width = thumbnails.shape
    rows = max(ceil(count / columns), 1)
    padded = np.zeros((rows * columns, height, width), np.uint8)
    padded[:count] = thumbnails
    sheet = (
        padded.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)
    )
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _unit(values: np.ndarray) -> list[float]:
    span = np.ptp(values) if len(values) else 0.0
    return [round(float(v), 4) for v in (values - values.min()) / span] if span else [0.5] * len(values)
