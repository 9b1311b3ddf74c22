"""A W&B workspace of this project's runs: curves by layer, pictures by analysis, the table of neurons and the UMAP.

python scripts/wandb_dashboard.py --entity ME                 # makes or updates it, and prints its address
python scripts/wandb_dashboard.py --entity ME --url ADDRESS   # updates one that was made elsewhere
python scripts/wandb_dashboard.py --entity ME --dry-run       # prints what would be made; needs no network

A panel shows the layers of all architectures that are equally far from the output, as `xinc compare` pairs them: the
head of a NeRV and the last layer of an FFN have no name in common, so W&B alone would never lay one over the other.
Runs are grouped by architecture and bpp, and can be filtered by the columns of their config: video, architecture, bpp,
seed. Needs `pip install -c constraints.txt ".[dashboard]"`.
"""

import argparse
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws
except ImportError:
    raise SystemExit('wandb_dashboard: pip install -c constraints.txt ".[dashboard]" first.') from None

LAYERS = {
    "NeRV": ("head", "block3", "block2", "block1"),
    "HNeRV": ("head", "block5", "block4", "block3", "block2", "block1", "stem"),
    "FFN": ("layer3", "layer2", "layer1"),
    "SIREN": ("layer5", "layer4", "layer3", "layer2", "layer1"),
}
"""Of the shipped configs, output side first."""

PLACES = (
    "Output layer",
    *(f"{place} last layer" for place in ("Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh")),
)
CURVES = {
    "Variance over groups of pixels (medians)": [
        f"variance/{name}_median" for name in ("instances", "rgb", "gabor", "grid", "lattice")
    ],
    "Variance, distance from shifted labels": [
        f"variance/{name}_effect" for name in ("instances", "rgb", "gabor", "grid")
    ],
    "Σ|c| against intensity and edges": ["intensity/intensity_correlation", "intensity/edge_correlation"],
    "Neurons without contribution, and inactive ones": ["maps/no_contribution", "maps/inactive"],
    "Pixels per neuron (median share)": ["pixels_per_neuron/median_share"],
    "Neurons per pixel": [f"neurons_per_pixel/share_above_tau_{x}" for x in (10, 50)],
    "Effective neurons": ["neurons_per_pixel/effective_share"],
    "Fluctuation and flow": ["flow_vs_fluctuation/spearman", "flow_vs_fluctuation/auc"],
    "Silhouette of the clusters": ["neuron_clusters/silhouette"],
    "Contributions against effects": ["faithfulness/cosine_median", "faithfulness/rank_contribution"],
}
"""Scalars of a layer, as `<analysis>/<name>`: a panel for each heading."""

MOVING = ("Fluctuation and flow",)
"""Panels of networks that store more than one frame."""

OF_VIDEOS = ("NeRV", "HNeRV")
"""Those networks."""

PICTURES = {
    "Reconstructions": ("reconstructions/figure",),
    "Grouping variance": ("variance/figure",),
    "Contribution against intensity": ("intensity/figure",),
    "Pixels per neuron": ("pixels_per_neuron/figure",),
    "Neurons per pixel": ("neurons_per_pixel/figure", "contribution_distribution/figure"),
    "Things and stuff": ("things_and_stuff/figure",),
    "Flow and fluctuation": ("flow_vs_fluctuation/figure",),
}
BY_LAYER = {
    "Contribution maps": "maps",
    "Maps over epochs": "strips",
    "Neuron clusters": "neuron_clusters",
    "Contributions against effects": "faithfulness",
}
"""Analyses with a picture a layer."""

NEURONS, UMAP = "neurons/table", "neurons/page"
"""The table of neurons and the interactive UMAP that a run logs at its end."""

QUALITY = ("train/psnr", "val/psnr", "val/ssim", "train/loss", "train/learning_rate")
FINAL = ("final/psnr", "final/quantized_psnr", "final/coded_bpp")
PINNED = ("summary:best/psnr", *(f"config:{key}.value" for key in ("bpp", "architecture", "video", "seed")))
"""Columns of the list of runs: their main settings."""

REMEMBERED = (
    Path(os.environ.get("XDG_CONFIG_HOME", "~/.config")).expanduser() / "xinc_lightning" / "workspaces.json"
)
"""Addresses of the workspaces that were made, to be updated."""


def main() -> None:
    """Make the workspace, or print what it would be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entity", default="me", help="your account or team")
    parser.add_argument("--project", default="xinc_lightning", help="as in the configs")
    parser.add_argument("--name", default="The implicit neural canvas", help="of the workspace")
    parser.add_argument("--url", help="address of the workspace to update; the one made before unless given")
    parser.add_argument("--dry-run", action="store_true", help="print the specification only")
    options = parser.parse_args()
    made = workspace(options.entity, options.project, options.name)
    if options.dry_run:
        print(json.dumps(specification(made), indent=1, ensure_ascii=False))
    else:
        print(save(made, options.url))


def workspace(entity: str, project: str, name: str) -> ws.Workspace:
    """The workspace, not sent anywhere yet."""
    return ws.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=[
            ws.Section(name="Quality", panels=_quality(), is_open=True),
            *(
                ws.Section(name=_section(depth), panels=_curves(depth), is_open=depth == 0)
                for depth in range(len(PLACES))
            ),
            *(ws.Section(name=title, panels=[_pictures(keys)]) for title, keys in PICTURES.items()),
            *(
                ws.Section(name=title, panels=[_pictures([f"{analysis}/{layer}"]) for layer in _all_layers()])
                for title, analysis in BY_LAYER.items()
            ),
            ws.Section(
                name="Neurons",
                panels=[
                    wr.WeavePanelSummaryTable(table_name=NEURONS),
                    wr.MediaBrowser(title="UMAP", media_keys=[UMAP]),
                ],
            ),
        ],
        settings=ws.WorkspaceSettings(x_axis="epoch"),
        runset_settings=ws.RunsetSettings(
            groupby=[ws.Config("architecture"), ws.Config("bpp")],
            pinned_columns=[*PINNED],
        ),
    )


def save(made: ws.Workspace, url: str | None) -> str:
    """Update the workspace of this name, or make it; returns its address."""
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):
        known = json.loads(REMEMBERED.read_text())
    key = f"{made.entity}/{made.project}/{made.name}"
    if url := url or known.get(key):
        found = ws.Workspace.from_url(url)
        found.sections, found.settings, found.runset_settings = (
            made.sections,
            made.settings,
            made.runset_settings,
        )
        made = found
    address: str = made.save().url
    REMEMBERED.parent.mkdir(parents=True, exist_ok=True)
    REMEMBERED.write_text(json.dumps({**known, key: address}, indent=1))
    return address


def specification(made: ws.Workspace) -> dict[str, Any]:
    """What would be sent to the server."""
    view = made._to_model()
    spec: dict[str, Any] = json.loads(view.model_dump_json(by_alias=True, exclude_none=True))
    return spec


def _quality() -> list[Any]:
    curves = [wr.LinePlot(title=name, x="epoch", y=[name]) for name in QUALITY]
    return [*curves, *(wr.BarPlot(title=name, metrics=[name]) for name in FINAL)]


def _at(depth: int) -> dict[str, str]:
    """The layer of each architecture that has so many between it and the output."""
    return {architecture: layers[depth] for architecture, layers in LAYERS.items() if depth < len(layers)}


def _section(depth: int) -> str:
    return f"{PLACES[depth]}: {', '.join(f'{architecture} {layer}' for architecture, layer in _at(depth).items())}"


def _curves(depth: int) -> list[Any]:
    """A panel a quantity, with the layers of all architectures in it."""
    panels = []
    for title, names in CURVES.items():
        kinds = [kind for kind in _at(depth) if kind in OF_VIDEOS or title not in MOVING]
        layers = dict.fromkeys(_at(depth)[kind] for kind in kinds)  # NeRV and HNeRV share some names
        if not layers:
            continue
        pairs = [name.split("/") for name in names]
        keys = [f"{analysis}/{layer}/{quantity}" for analysis, quantity in pairs for layer in layers]
        panels.append(wr.LinePlot(title=title, x="epoch", y=keys))
    return panels


def _pictures(names: Any) -> wr.MediaBrowser:
    """Pictures with a slider: W&B's steps are epochs here."""
    return wr.MediaBrowser(title=", ".join(names), media_keys=[*names], mode="gallery", gallery_axis="step")


def _all_layers() -> list[str]:
    return [*dict.fromkeys(layer for layers in LAYERS.values() for layer in layers)]


if __name__ == "__main__":
    main()
