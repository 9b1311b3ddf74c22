"""A W&B workspace of this project's runs: curves by layer, pictures by analysis, the table of neurons and the UMAP.

python scripts/wandb_dashboard.py --entity ME                 # makes the workspace and prints its address
python scripts/wandb_dashboard.py --entity ME --dry-run       # prints what would be made; needs no network

Runs are grouped by architecture and bpp. In the workspace they can be filtered by the columns of their config:
video, architecture, bpp, seed. Needs `pip install -c constraints.txt ".[dashboard]"`.
"""

import argparse
import json
from typing import Any

try:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws
except ImportError:
    raise SystemExit('wandb_dashboard: pip install -c constraints.txt ".[dashboard]" first.') from None

LAYERS = {
    "NeRV": ("head", "block3", "block2", "block1"),
    "FFN": ("layer3", "layer2", "layer1"),
}
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
}
"""Scalars of a layer: `xinc/<layer>/<name>`, a panel for each heading."""

MOVING = ("Fluctuation and flow",)
"""Panels of networks that store more than one frame."""

PICTURES = {
    "Reconstructions": ("reconstructions",),
    "Grouping variance": ("variance",),
    "Contribution against intensity": ("intensity",),
    "Pixels per neuron": ("pixels_per_neuron",),
    "Neurons per pixel": ("neurons_per_pixel", "contribution_distribution"),
    "Things and stuff": ("things_and_stuff",),
    "Flow and fluctuation": ("flow_vs_fluctuation",),
}
BY_LAYER = {"Contribution maps": "maps", "Maps over epochs": "strips", "Neuron clusters": "neuron_clusters"}
"""Analyses with a picture a layer."""

NEURONS, UMAP = "xinc/neuron_table", "xinc/neurons"
"""The table of neurons and the interactive UMAP that a run logs at its end."""

QUALITY = ("train/psnr", "val/psnr", "val/ssim")
FINAL = ("final/psnr", "final/quantized_psnr", "final/coded_bpp")
COLUMNS = ("video", "architecture", "bpp", "seed", "parameters")
"""Of the runs' config: what they are grouped by, and filtered by."""


def main() -> None:
    """Make the workspace, or print what it would be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entity", default="me", help="your account or team")
    parser.add_argument("--project", default="xinc_lightning", help="as in the configs")
    parser.add_argument("--name", default="The implicit neural canvas", help="of the workspace")
    parser.add_argument("--dry-run", action="store_true", help="print the specification only")
    options = parser.parse_args()
    made = workspace(options.entity, options.project, options.name)
    if options.dry_run:
        print(json.dumps(specification(made), indent=1, ensure_ascii=False))
    else:
        print(made.save().url)


def workspace(entity: str, project: str, name: str) -> ws.Workspace:
    """The workspace, not sent anywhere yet."""
    return ws.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=[
            ws.Section(name="Quality", panels=_quality(), is_open=True),
            *(
                ws.Section(
                    name=f"{architecture} {layer}",
                    panels=_curves(architecture, layer),
                    is_open=layer == layers[0],
                )
                for architecture, layers in LAYERS.items()
                for layer in layers
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
            pinned_columns=[f"config:{column}.value" for column in COLUMNS],
        ),
    )


def specification(made: ws.Workspace) -> dict[str, Any]:
    """What would be sent to the server."""
    view = made._to_model()
    spec: dict[str, Any] = json.loads(view.model_dump_json(by_alias=True, exclude_none=True))
    return spec


def _quality() -> list[Any]:
    curves = [wr.LinePlot(title=name, x="epoch", y=[name]) for name in QUALITY]
    return [*curves, *(wr.BarPlot(title=name, metrics=[name]) for name in FINAL)]


def _curves(architecture: str, layer: str) -> list[Any]:
    return [
        wr.LinePlot(title=title, x="epoch", y=[f"xinc/{layer}/{name}" for name in names])
        for title, names in CURVES.items()
        if architecture == "NeRV" or title not in MOVING
    ]


def _pictures(names: Any) -> wr.MediaBrowser:
    keys = [f"xinc/{name}" for name in names]
    return wr.MediaBrowser(title=", ".join(names), media_keys=keys, mode="gallery", gallery_axis="step")


def _all_layers() -> list[str]:
    return [layer for layers in LAYERS.values() for layer in layers]


if __name__ == "__main__":
    main()
