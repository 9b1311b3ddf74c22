"""The paper's experiments: FFN and NeRV for each clip and seed, Figures 3 to 19, our numbers beside the paper's.

python scripts/reproduce_paper.py                               # the demo clip, three seeds
python scripts/reproduce_paper.py --data data/cityscapes_vps --clips 0005 0025
python scripts/reproduce_paper.py --data data/cityscapes_vps --clips 0005 0025 --ray auto --gpus 0.25
python scripts/reproduce_paper.py --fast                        # does everything work?

The trainings are a fleet (see docs/fleet.md): finished ones are skipped, interrupted ones go on.
The report is <out>/report.md.
"""

import argparse
from pathlib import Path

from xinc_lightning.cli.console import one_line_errors
from xinc_lightning.cli.fleet import add_engine_options, engine_of
from xinc_lightning.paper import Experiment, reproduce


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="bunny", help="as --data.path of `xinc fit`")
    parser.add_argument("--clips", nargs="+", default=[None], help="ids, where --data is a dataset")
    parser.add_argument(
        "--seeds", nargs="+", type=int, help="42 43 44 unless given, 42 43 with --fast; the paper has five"
    )
    parser.add_argument(
        "--out", type=Path, help="`reproduction` unless given; `reproduction-fast` with --fast"
    )
    parser.add_argument("--fast", action="store_true", help="few epochs of few, tiny frames")
    add_engine_options(parser)
    options = parser.parse_args()
    out = options.out or Path("reproduction-fast" if options.fast else "reproduction")
    seeds = options.seeds or ([42, 43] if options.fast else [42, 43, 44])
    experiment = Experiment(options.data, tuple(options.clips), tuple(seeds), out, options.fast)
    with one_line_errors():
        written = reproduce(experiment, lambda: engine_of(options, out / "runs"))
    print(f"the report is {written}, the figures are in {out / 'figures'}")


if __name__ == "__main__":
    main()
