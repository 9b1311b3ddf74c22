"""A report in Markdown: our numbers beside the paper's, and what each figure shows."""

from collections.abc import Mapping, Sequence

import numpy as np

from xinc_lightning.paper.figures import Case
from xinc_lightning.paper.results import Trained

PAPER = {
    "FFN": {"psnr": "34.29", "parameters": "32,971", "bpp": "32.20"},
    "NeRV": {"psnr": "33.50", "parameters": "978,557", "bpp": "31.85"},
}
"""§6.1: means over the paper's clips; bpp follows from the parameters and 30 frames of 128×256."""

PARTITIONS = ("instances", "rgb", "gabor", "grid", "lattice")
CONTENT = PARTITIONS[:3]
"""Partitions that neurons favour over space, according to the paper."""


def report(cases: Sequence[Case], shown: Mapping[str, str], notes: Sequence[str]) -> str:
    """The report.

    Args:
        cases: all trained networks.
        shown: description of each figure, by file name.
        notes: remarks for the comparison.
    """
    parts = [
        "# Explaining the Implicit Neural Canvas, reproduced",
        "Numbers of the paper (Padmanabhan et al., CVPR 2024) are of its clips of Cityscapes-VPS and VIPSeg. They can "
        "be compared with ours as far as the clips can.",
        "\n".join(f"* {note}" for note in notes),
        "## Networks (§6.1)",
        _networks(cases),
        "## Dead neurons (§4.4)",
        _dead(cases),
        "## Variance over groups of pixels (§4.2, Figs 4, 16)",
        "Medians over the live neurons, means over our clips and seeds. In brackets: how far the layer's median lies "
        "from its mean under 20 random shifts of the same labels, in their standard deviations. The paper plots "
        "four groups; its *gridcells* are what we call lattice, see the README.",
        _variances(cases),
        _ordering(cases),
        "## Contribution and intensity (§4.3, Fig 5)",
        _scalars(
            cases,
            {"intensity, r": "intensity/intensity_correlation", "edges, r": "intensity/edge_correlation"},
        ),
        "The paper has no number; it finds FFN's layer 3 *largely consistent with intensity*.",
        "## Motion (§4.5, Fig 9)",
        _scalars(
            cases,
            {
                "Spearman of fluctuation and flow": "flow_vs_fluctuation/spearman",
                "area under the ROC curve": "flow_vs_fluctuation/auc",
            },
        ),
        "The paper has no number; it finds that *fluctuation is driven by motion*.",
        "## Figures",
        "\n".join(f"* `{name}` {what}" for name, what in shown.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def missing_figures(cases: Sequence[Case], clips: int, seeds: int) -> list[str]:
    """Which of Figures 3 to 19 cannot be made as in the paper, and why."""
    notes = ["Figures 1 and 2 are a teaser taken from Figure 3 and a drawing of the method."]
    if clips == 1 and seeds > 1:
        notes.append("Figures 13 and 15 to 17 show further clips; of one clip they show the other seeds.")
    elif clips == 1:
        notes.append("Figures 13 and 15 to 17 are of further clips or seeds, of which there are none here.")
    if seeds == 1:
        notes.append("Figures 10 and 14 compare seeds; there is one only.")
    elif seeds < 5:
        notes.append(f"Figures 10 and 14 have {seeds} seeds, the paper's five.")
    first = cases[0].nerv
    if not first.clip.annotated:
        notes.append(f"Figures 8 and 19 need panoptic masks, which {first.clip.name} has not.")
    if not first.snapshot.layers("flow_vs_fluctuation"):
        notes.append("Figure 9 needs two frames or more.")
    return notes


def _networks(cases: Sequence[Case]) -> str:
    rows = []
    for runs in ([case.ffn for case in cases], [case.nerv for case in cases]):
        paper = PAPER.get(runs[0].run.architecture, {})
        final = [one.run.final for one in runs]
        psnr = np.array([one["psnr"] for one in final])
        networks = len(runs[0].clip) if runs[0].run.architecture == "FFN" else 1
        spread = f" ({psnr.min():.2f} to {psnr.max():.2f})" if len(psnr) > 1 else ""
        rows.append(
            [
                runs[0].run.architecture,
                f"{psnr.mean():.2f}{spread}",
                paper.get("psnr", ""),
                f"{final[0]['parameters'] / networks:,.0f}",
                paper.get("parameters", ""),
                f"{final[0]['bpp']:.2f}",
                paper.get("bpp", ""),
                f"{np.mean([one['quantized_psnr'] for one in final]):.2f}",
                f"{np.mean([one['coded_bits_per_parameter'] for one in final]):.3f}",
            ]
        )
    columns = [
        "",
        "PSNR, dB",
        "paper",
        "parameters",
        "paper",
        "bpp",
        "paper",
        "8-bit PSNR",
        "bits/parameter coded",
    ]
    return (
        _table(columns, rows)
        + "\n\nAn FFN's parameters and bpp are of one frame's network, its PSNR is the mean over "
        "the frames that have one. The authors' released NeRV (Cityscapes-VPS 0005) has 33.32 dB, 33.28 dB at 8 bits, "
        "7.711 bits/parameter; their FFN of its first frame has 36.19 dB."
    )


def _dead(cases: Sequence[Case]) -> str:
    shares = ("maps/no_contribution", "maps/inactive")
    rows = [
        [
            runs[0].label(layer),
            *(f"{_mean(runs, layer, share):.1%}" for share in shares),
            _paper_dead(runs[0], layer),
        ]
        for runs in _runs(cases)
        for layer in runs[0].layers
    ]
    return (
        _table(["layer", "no contribution", "inactive", "paper: dead"], rows)
        + "\n\nA neuron has no contribution where ReLU cuts off all it adds, as it does for a unit whose weights sum "
        "to less than zero: that is what the paper calls dead. It is inactive if it could be taken out without effect."
    )


def _paper_dead(trained: Trained, layer: str) -> str:
    return "nearly 50 % (45 % in the released checkpoint)" if trained.label(layer) == "FFN layer2" else ""


def _variances(cases: Sequence[Case]) -> str:
    rows = []
    for runs in _runs(cases):
        for layer in runs[0].layers:
            cells = []
            for name in PARTITIONS:
                median = _mean(runs, layer, f"variance/{name}_median")
                effect = _mean(runs, layer, f"variance/{name}_effect")
                spread = _mean(runs, layer, f"variance/{name}_seed_spread")
                cells.append(
                    f"{median:.4f}"
                    + (f" ± {spread / 2:.4f}" if np.isfinite(spread) else "")
                    + (f" ({effect:+.1f}σ)" if np.isfinite(effect) else "")
                )
            rows.append([runs[0].label(layer), *cells])
    released = ["released FFN layer3", "", "0.0625 to 0.0814", "0.099", "0.0460", "0.0002"]
    return (
        _table(["layer", *PARTITIONS], [*rows, released])
        + "\n\n± is half the range over seeds of k-means, of a sample of neurons."
    )


def _ordering(cases: Sequence[Case]) -> str:
    """Whether instances, rgb and gabor are above space, by the paper's measure and by the control."""
    rows = []
    for runs in _runs(cases):
        for layer in runs[0].layers:
            value = {name: _mean(runs, layer, f"variance/{name}_median") for name in PARTITIONS}
            effect = {name: _mean(runs, layer, f"variance/{name}_effect") for name in PARTITIONS}
            content = [value[name] for name in CONTENT if np.isfinite(value[name])]
            controlled = [name for name in (*CONTENT, "grid") if np.isfinite(effect[name])]
            rows.append(
                [
                    runs[0].label(layer),
                    _yes(bool(content) and min(content) > value["lattice"]),
                    _yes(bool(content) and min(content) > value["grid"]),
                    ", ".join(f"{name}" for name in sorted(controlled, key=lambda n: -effect[n])),
                    ", ".join(name for name in controlled if effect[name] > 2) or "none",
                ]
            )
    columns = [
        "layer",
        "all above the lattice (the paper's finding)",
        "all above the grid of rectangles",
        "order by distance from shifts",
        "more than 2σ above shifts",
    ]
    return _table(columns, rows)


def _scalars(cases: Sequence[Case], names: Mapping[str, str]) -> str:
    rows = []
    for runs in _runs(cases):
        for layer in runs[0].layers:
            values = [_mean(runs, layer, name) for name in names.values()]
            if np.isfinite(values).any():
                rows.append([runs[0].label(layer), *(f"{value:.2f}" for value in values)])
    return _table(["layer", *names], rows) if rows else ""


def _runs(cases: Sequence[Case]) -> list[list[Trained]]:
    return [[case.ffn for case in cases], [case.nerv for case in cases]]


def _mean(runs: Sequence[Trained], layer: str, name: str) -> float:
    values = [value for run in runs if np.isfinite(value := run.scalar(layer, name))]
    return float(np.mean(values)) if values else float("nan")


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
