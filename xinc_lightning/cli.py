"""The command line: ``xinc`` and ``lightning`` are this.

Everything heavy is imported when a command needs it, so that ``xinc configs`` answers at once.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import NoReturn

USAGE = """\
usage: xinc COMMAND [--config FILE] [--KEY VALUE ...]      (`lightning` is the same program)

  fit        train a network and watch its canvas     xinc fit --config nerv.yaml
  validate   PSNR and SSIM of a checkpoint            xinc validate --config nerv.yaml --ckpt_path best
  test       the same with all analyses               xinc test --config nerv.yaml --ckpt_path best
  predict    write reconstructed frames and an mp4    xinc predict --config nerv.yaml --ckpt_path best
  configs    list the shipped configs, or copy some   xinc configs [--copy] [NAME ...]
  clips      list the clips of a dataset              xinc clips --data.path data/cityscapes_vps
  umap       several runs' neurons in one embedding   xinc umap runs/nerv-001 runs/nerv-002 --by seed
  report     runs as a page: from pixels to neurons   xinc report runs/nerv-001 runs/ffn-001
  compare    several runs in one table and figures    xinc compare runs/nerv-001 runs/ffn-001
  evolution  a run's maps over training, as a film    xinc evolution runs/nerv-001

`xinc COMMAND --help` lists every option of a command.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 if all went well, 1 if the command failed, 2 if it made no sense.

    A command that is stopped by Ctrl-C or SIGTERM exits with 130 or 143.
    """
    try:
        _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _run(args: list[str]) -> None:
    if not args or args[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return
    if args[0] == "--version":
        from xinc_lightning import __version__

        print(f"xinc_lightning {__version__}")
        return
    own = {
        "configs": configs,
        "clips": clips,
        "umap": umap,
        "report": report,
        "compare": compare,
        "evolution": evolution,
    }
    if args[0] in own:
        own[args[0]](args[1:])
        return
    commands = ("fit", "validate", "test", "predict", *own)
    if args[0] not in commands:
        near = get_close_matches(args[0], commands, 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        fail(f"there is no command '{args[0]}'; the commands are {', '.join(commands)}.{hint}", 2)

    from xinc_lightning.training_cli import run

    run(with_shipped_configs(args))


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one line and exit."""
    print(f"xinc: error: {message}", file=sys.stderr)
    raise SystemExit(code)


class Parser(argparse.ArgumentParser):
    """The parser of one of our own commands, ``xinc NAME``; its errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        fail(f"{self.prog.removeprefix('xinc ')}: {message}.", 2)


def shipped_configs() -> dict[str, Path]:
    """Name → file of the configs that come with the package."""
    folder = Path(str(files("xinc_lightning") / "configs"))
    return {path.name: path for path in sorted(folder.glob("*.yaml"))}


def with_shipped_configs(args: Sequence[str]) -> list[str]:
    """The arguments, with each bare config name that is no file here replaced by the shipped file."""
    resolved = list(args)
    for i, arg in enumerate(resolved):
        flag, equals, value = arg.partition("=")
        if flag not in ("--config", "-c"):
            continue
        if equals:
            resolved[i] = f"{flag}={find_config(value)}"
        elif i + 1 < len(resolved):
            resolved[i + 1] = find_config(resolved[i + 1])
    return resolved


def find_config(name: str) -> str:
    """A config's path: a file as named, else the shipped one of that name; else the command ends."""
    shipped = shipped_configs()
    if Path(name).is_file():
        return name
    if name in shipped:
        return str(shipped[name])
    near = get_close_matches(name, shipped, 1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    fail(f"there is no config '{name}', neither here nor among the shipped {', '.join(shipped)}.{hint}", 2)


def configs(args: Sequence[str]) -> None:
    """``xinc configs``: list the shipped configs; with ``--copy``, copy them here to be edited."""
    shipped = shipped_configs()
    names = [arg for arg in args if arg != "--copy"] or list(shipped)
    for name in names:
        find_config(name) if name not in shipped else None
    if "--copy" not in args:
        for name in names:
            first = shipped[name].read_text().splitlines()[0].lstrip("# ")
            print(f"{name:20} {first}")
        return
    for name in names:
        if Path(name).exists():
            fail(f"'{name}' is already here; it was not overwritten.")
        shutil.copyfile(shipped[name], name)
        print(f"copied {name}")


def clips(args: Sequence[str]) -> None:
    """``xinc clips``: what there is to train on in a dataset, a folder or a video."""
    parser = argparse.ArgumentParser(prog="xinc clips", description="List the clips of a dataset.")
    parser.add_argument("--data.path", "--data", dest="path", required=True, help="folder of the dataset")
    path = parser.parse_args(args).path

    from rich.console import Console
    from rich.table import Table

    from xinc_lightning.data import DataError, list_clips

    try:
        found = list_clips(path)
    except DataError as error:
        fail(str(error))
    table = Table("clip", "frames", "resolution", "instances", "annotated frames", "problem", box=None)
    for clip in found:
        size = f"{clip.height}×{clip.width}"
        row = (clip.frames, size, clip.instances, clip.annotated) if not clip.problem else ("", "", "", "")
        table.add_row(clip.id, *map(str, row), clip.problem)
    Console(soft_wrap=True).print(table)


def umap(args: Sequence[str]) -> None:
    """``xinc umap``: the neurons of several runs in one embedding (Fig 14)."""
    from xinc_lightning.umap_cli import main as embed

    embed(list(args))


def report(args: Sequence[str]) -> None:
    """``xinc report``: one page of runs, from pixels to neurons."""
    from xinc_lightning.report_cli import main as write

    write(list(args))


def compare(args: Sequence[str]) -> None:
    """``xinc compare``: several runs in one table and on one axis."""
    from xinc_lightning.compare_cli import main as compare_runs

    compare_runs(list(args))


def evolution(args: Sequence[str]) -> None:
    """``xinc evolution``: a run's maps over training, as a film."""
    from xinc_lightning.evolution_cli import main as film

    film(list(args))
