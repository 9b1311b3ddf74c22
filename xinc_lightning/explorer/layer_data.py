"""Data of one layer in one snapshot, in the format of the page."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from xinc_lightning.explorer.encode import fractions, halves, levels, sheet, text_of, words
from xinc_lightning.runs.arrays import Arrays
from xinc_lightning.runs.reader import Snapshot

TABLES = "pixels_to_neurons"
ANALYSES = {
    "tables": TABLES,
    "variance": "variance",
    "embedding": "neuron_clusters",
    "sampled": "maps",
    "counts": "pixels_per_neuron",
}

FORMS = {
    "tables": {
        **{"top": "i rows cols count", "shares": "# rows cols count", "totals": "# rows cols"},
        **{"favourites": "i segments most", "preferences": "# segments most", "cell": "+", "kernels": "i"},
        **{"neurons": "i n", "contributions": "# n", "kept": "i m", "maps": "B m r c", "scales": "# m"},
    },
    "variance": {"neurons": "i n", "dead": "? n"},
    "embedding": {"neurons": "i n", "positions": "# n 2", "clusters": "i n", "total_neurons": "i"},
    "sampled": {"neurons": "i n", "maps": "# n h w"},
    "counts": {"counts": "i n"},
}
"""Of the arrays, see :data:`xinc_lightning.runs.arrays.Form`."""


def layer_data(snapshot: Snapshot, layer: str) -> dict[str, Any]:
    """All data of a layer's neurons in a snapshot."""
    found = {key: snapshot.find_arrays(folder, layer, FORMS[key]) for key, folder in ANALYSES.items()}
    data: dict[str, Any] = {}
    known: list[np.ndarray] = []
    if (tables := found["tables"]) is not None:
        data |= _tables(tables)
        known += [tables["top"].ravel(), tables["favourites"].ravel(), tables["kept"]]
    if (sampled := found["sampled"]) is not None:
        known.append(sampled["neurons"])
    if (embedding := found["embedding"]) is not None:
        data |= _embedding(embedding)
        known.append(embedding["neurons"])
    data |= _maps(tables, sampled)
    universe = _universe(known, tables)
    data["known"] = words(universe)
    data |= _contributions(found, universe)
    if found["variance"] is not None:
        data["variance"] = _variance(found["variance"], universe)
    return data


def _tables(tables: Arrays) -> dict[str, Any]:
    """The strongest neurons of each cell, and the neurons that favour each segment."""
    rows, cols, count = tables["top"].shape
    return {
        "rows": rows,
        "cols": cols,
        "count": count,
        "cell": int(tables["cell"]),
        "kernels": int(tables["kernels"]),
        "neurons": int(tables["neurons"].size),
        "top": words(tables["top"]),
        "shares": fractions(tables["shares"]),
        "totals": text_of(tables["totals"].astype(np.float32)),
        "favourites": tables["favourites"].tolist(),
        "preferences": [[float(f"{v:.3g}") for v in row] for row in tables["preferences"]],
    }


def _embedding(embedding: Arrays) -> dict[str, Any]:
    positions = embedding["positions"].astype(np.float64).reshape(-1, 2)
    low, high = (positions.min(0), positions.max(0)) if len(positions) else (np.zeros(2), np.ones(2))
    span = float(max(*(high - low), 1e-9))
    return {
        "embedding": {
            "neurons": words(embedding["neurons"]),
            "positions": fractions((positions - low) / span),
            "clusters": embedding["clusters"].tolist(),
            "of": int(embedding["total_neurons"]),
        }
    }


def _maps(tables: Arrays | None, sampled: Arrays | None) -> dict[str, Any]:
    """Saved maps, and those of the neurons of ``ContributionMaps``, as cell means of |c|."""
    neurons, maps, scales = [], [], []
    if tables is not None and len(tables["kept"]):
        neurons, maps, scales = [tables["kept"]], [tables["maps"]], [tables["scales"]]
    if sampled is not None and len(sampled["neurons"]):
        cell = int(tables["cell"]) if tables is not None else max(1, sampled["maps"].shape[-1] // 64)
        means = _cell_means(np.abs(sampled["maps"]), cell)
        if not maps or means.shape[1:] == maps[0].shape[1:]:  # else one of the two files is damaged
            new = ~np.isin(sampled["neurons"], neurons[0] if neurons else [])
            peaks = np.nan_to_num(means).max((1, 2), initial=0)
            scaled = np.nan_to_num(means) / np.where(peaks > 0, peaks, 1)[:, None, None]
            neurons.append(sampled["neurons"][new])
            maps.append((scaled[new] * 255).round().astype(np.uint8))
            scales.append(peaks[new])
    if not neurons:
        return {}
    stacked = np.concatenate(maps)
    url, across = sheet(stacked)
    return {
        "kept": np.concatenate(neurons).tolist(),
        "scales": [float(f"{scale:.4g}") for scale in np.concatenate(scales)],
        "sheet": url,
        "across": across,
        "mapRows": stacked.shape[1],
        "mapCols": stacked.shape[2],
    }


def _cell_means(sizes: np.ndarray, cell: int) -> np.ndarray:
    height, width = sizes.shape[1:]
    rows, cols = np.arange(0, height, cell), np.arange(0, width, cell)
    sums = np.add.reduceat(np.add.reduceat(sizes, rows, 1), cols, 2)
    areas = np.diff(np.append(rows, height))[:, None] * np.diff(np.append(cols, width))
    means: np.ndarray = sums / areas
    return means


def _universe(known: list[np.ndarray], tables: Arrays | None) -> np.ndarray:
    """The neurons that the page can show; all of a small layer."""
    if tables is not None and tables["neurons"].size <= 512:
        known = [*known, tables["neurons"]]
    together = np.unique(np.concatenate(known)) if known else np.zeros(0, np.int64)
    return together[together >= 0]


def _contributions(found: Mapping[str, Arrays | None], universe: np.ndarray) -> dict[str, Any]:
    """Each neuron's share of the layer's Σ|c|, and its rank."""
    tables = found["tables"]
    if tables is None:
        return {}
    sums = np.nan_to_num(tables["contributions"].astype(np.float64))
    places = np.searchsorted(tables["neurons"], universe).clip(max=max(sums.size - 1, 0))
    ranks = np.empty(sums.size, np.int64)
    ranks[np.argsort(-sums, kind="stable")] = np.arange(1, sums.size + 1)
    data = {"parts": halves(sums[places] / (sums.sum() or 1)), "ranks": words(ranks[places])}
    if found["counts"] is not None and found["counts"]["counts"].size == sums.size:
        data["pixels"] = words(found["counts"]["counts"][places])
    return data


def _variance(variance: Arrays, universe: np.ndarray) -> dict[str, Any]:
    """By partition: the neurons' scores, the layer's median, and the share of live neurons below each."""
    result: dict[str, Any] = {}
    neurons, live = variance["neurons"], ~variance["dead"]
    places = np.searchsorted(neurons, universe).clip(max=max(neurons.size - 1, 0))
    for key in variance:
        if key.startswith("scores_"):
            scores = variance[key]
            ordered = np.sort(scores[live & np.isfinite(scores)])
            own = np.where(neurons[places] == universe, scores[places], np.nan) if neurons.size else universe
            below = np.searchsorted(ordered, own) / max(ordered.size, 1)
            result[key.removeprefix("scores_")] = {
                "scores": halves(own),
                "below": levels(below),
                "median": float(np.median(ordered)) if ordered.size else None,
            }
    return result
