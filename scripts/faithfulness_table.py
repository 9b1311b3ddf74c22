"""Tables of docs/faithfulness.md from run folders, as Markdown.

python scripts/faithfulness_table.py runs/nerv-001                      # how good contributions are, with their rivals
python scripts/faithfulness_table.py runs/nerv-001 runs/nerv-test-001   # and findings on contributions and on effects
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from xinc_lightning.runs.reader import Snapshot, read_run
from xinc_lightning.studies.comparison import readable

AGREEMENT = {
    "cosine, median (quartiles)": ("cosine_median", "cosine_q25", "cosine_q75"),
    "Spearman, median (quartiles)": ("spearman_median", "spearman_q25", "spearman_q75"),
    "cosine without box filters": ("unfiltered_cosine_median",),
    "Spearman without box filters": ("unfiltered_spearman_median",),
    "cosine, randomised weights": ("randomised_cosine_median",),
    "Spearman, randomised weights": ("randomised_spearman_median",),
}
SCORES = {
    "Σ\\|c\\|": "contribution",
    "Σ\\|c\\| without box filters": "unfiltered",
    "gradient × term": "first_order",
    "L1": "l1",
    "L1 × mean \\|input\\|": "l1_input",
    "random": "random",
    "Σ\\|c\\|, randomised weights": "randomised",
    "Σ\\|e\\|": "effect",
    "ΔMSE": "error_rise",
}
MEASURES = {
    "rank correlation with Σ\\|e\\|": "rank",
    "rank correlation with ΔMSE": "error_rank",
    "area under the deletion curve, dB (lower is better)": "deletion",
    "area under the insertion curve, dB (higher is better)": "insertion",
}
FINDINGS = {
    **{
        f"variance over {p}, median": f"variance/{{}}/{p}_median"
        for p in ("instances", "rgb", "gabor", "grid", "lattice")
    },
    **{
        f"the same against shifted labels, effect for {p}": f"variance/{{}}/{p}_effect"
        for p in ("instances", "rgb", "gabor", "grid")
    },
    "pixels per neuron, median share": "pixels_per_neuron/{}/median_share",
    "fluctuation with flow, Spearman": "flow_vs_fluctuation/{}/spearman",
    "fluctuation with flow, AUC": "flow_vs_fluctuation/{}/auc",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run with Faithfulness")
    parser.add_argument(
        "effects", type=Path, nargs="?", help="a run of the same network with canvas.maps effect"
    )
    options = parser.parse_args(argv)
    snapshot = read_run(options.run).snapshots[-1]
    layers = snapshot.layers("faithfulness")

    def cells(names: Sequence[str], of: Mapping[str, float] = snapshot.scalars) -> list[str]:
        rows = []
        for layer in layers:
            first, *quartiles = (readable(of.get(f"faithfulness/{layer}/{name}")) for name in names)
            rows.append(first + f" ({', '.join(quartiles)})" * bool(quartiles))
        return rows

    print(f"Epoch {snapshot.epoch}, {snapshot.psnr:.2f} dB.\n")
    _print("map against effect, over pixels", layers, {name: cells(keys) for name, keys in AGREEMENT.items()})
    for title, measure in MEASURES.items():
        _print(title, layers, {name: cells((f"{measure}_{score}",)) for name, score in SCORES.items()})
    if options.effects:
        _findings(layers, snapshot, read_run(options.effects).snapshots[-1])


def _findings(layers: Sequence[str], contributions: Snapshot, effects: Snapshot) -> None:
    pairs = {
        name: [
            " \\| ".join(readable(run.scalars.get(key.format(layer))) for run in (contributions, effects))
            for layer in layers
        ]
        for name, key in FINDINGS.items()
    }
    _print("contributions \\| effects", layers, pairs)


def _print(title: str, layers: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """One table, without the rows of which no layer has anything."""
    print(f"| {title} | {' | '.join(layers)} |")
    print("|---" * (len(layers) + 1) + "|")
    for name, cells in rows.items():
        if any(cell.strip("–() ,|\\") for cell in cells):
            print(f"| {name} | {' | '.join(cells)} |")
    print()


if __name__ == "__main__":
    main()
