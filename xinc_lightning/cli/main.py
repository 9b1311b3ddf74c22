"""The entry point of ``xinc`` and ``lightning``.

Heavy packages are imported only by the commands that need them, so that ``xinc configs`` starts fast.
"""

import io
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

from xinc_lightning.cli.configs import with_shipped_configs
from xinc_lightning.cli.console import StreamThatMayEnd, fail, one_line_errors
from xinc_lightning.errors import INTERRUPTED, did_you_mean

USAGE = """\
usage: xinc COMMAND [--config FILE] [--KEY VALUE ...]      (`lightning` is the same program)

  fit        train a network and analyse its canvas   xinc fit --config nerv.yaml
  validate   PSNR and SSIM of a checkpoint            xinc validate --config nerv.yaml --ckpt_path best
  test       the same with all analyses               xinc test --config nerv.yaml --ckpt_path best
  predict    write reconstructed frames and an mp4    xinc predict --config nerv.yaml --ckpt_path best
  configs    list the shipped configs, or copy some   xinc configs [--copy] [NAME ...]
  clips      list the clips of a dataset              xinc clips --data.path data/cityscapes_vps
  umap       neurons of several runs in one embedding xinc umap runs/nerv-001 runs/nerv-002 --by seed
  report     HTML page: from pixels to neurons        xinc report runs/nerv-001 runs/ffn-001
  explore    the same live: any neuron, frame, epoch  xinc explore runs/nerv-001
  compare    several runs in one table and figures    xinc compare runs/nerv-001 runs/ffn-001
  evolution  animate a run's maps over training       xinc evolution runs/nerv-001
  prune      take kernels out, by several scores      xinc prune runs/nerv-001 --by contribution magnitude
  encode     a trained network as one small file      xinc encode runs/nerv-001 -o clip.xinc
  decode     the frames of such a file                xinc decode clip.xinc -o out.mp4
  fleet      many clips, seeds and settings           xinc fleet fleet_demo.yaml --workers 2
  summary    what holds over many clips and seeds     xinc summary PLAN.yaml, or xinc summary runs/*
  sync       send to W&B what it does not have        xinc sync runs/nerv-001

`xinc COMMAND --help` lists every option of a command. The config of a run that somebody sent you is code: it may
name our classes only, unless --trust is given.
"""

TRAINING = ("fit", "validate", "test", "predict")
"""Commands that need a Trainer, in ``training.py``."""

OTHERS = (
    *("configs", "clips", "umap", "report", "explore", "compare", "evolution"),
    *("prune", "encode", "decode", "fleet", "summary", "sync"),
)
"""Commands with their own module in this package, each with a function ``main``."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 on success, 1 if the command failed, 2 if it could not be parsed.

    A command that is stopped by Ctrl-C or SIGTERM exits with 130 or 143.
    """
    _settle()
    try:
        _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _settle() -> None:
    """Let nothing of the surroundings end a command: what they ask for is not what this program is about.

    A character that the terminal cannot show is replaced. Nothing is shown on a screen, so matplotlib's backend,
    say a notebook's, does not matter. A library's warning is none of the user's mistakes.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
            setattr(sys, name, StreamThatMayEnd(stream))
    os.environ["MPLBACKEND"] = "agg"
    if any(option.startswith("error") for option in sys.warnoptions):
        warnings.simplefilter("default")


def _run(args: list[str]) -> None:
    if not args or args[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
    elif args[0] == "--version":
        from xinc_lightning import __version__

        print(f"xinc_lightning {__version__}")
    elif args[0] in OTHERS:
        with one_line_errors(args[0]):
            import_module(f"xinc_lightning.cli.{args[0]}").main(args[1:])
    elif args[0] in TRAINING:
        from xinc_lightning.cli.training import run

        run(with_shipped_configs(args))
    else:
        commands = (*TRAINING, *OTHERS)
        near = did_you_mean(args[0], commands) or "."
        fail(f"there is no command '{args[0]}'; the commands are {', '.join(commands)}{near}", 2)
