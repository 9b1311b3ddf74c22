"""The shipped configs: found by file name, listed and copied by ``xinc configs``."""

import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from xinc_lightning.cli.console import Parser, fail
from xinc_lightning.errors import did_you_mean


def main(args: Sequence[str]) -> None:
    """List the shipped configs; with ``--copy``, copy them to the working directory."""
    options = _parser().parse_args(args)
    shipped = shipped_configs()
    names = options.names or list(shipped)
    for name in names:
        if name not in shipped:
            near = did_you_mean(name, shipped) or "."
            fail(f"configs: there is no shipped config '{name}' among {', '.join(shipped)}{near}", 2)
    for name in names:
        if not options.copy:
            first = shipped[name].read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
            print(f"{name:20} {first}")
        elif Path(name).exists():
            fail(f"'{name}' already exists; it was not overwritten.")
        else:
            shutil.copyfile(shipped[name], name)
            print(f"copied {name}")


def shipped_configs() -> dict[str, Path]:
    """Name → file of the configs that come with the package."""
    folder = Path(str(files("xinc_lightning") / "configs"))
    return {path.name: path for path in sorted(folder.glob("*.yaml"))}


def with_shipped_configs(args: Sequence[str]) -> list[str]:
    """The arguments, with names of shipped configs replaced by their paths, unless there is such a file here."""
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
    """A config's path: the given file, or else the shipped one of that name; else the command fails."""
    shipped = shipped_configs()
    if not Path(name).is_file() and name not in shipped:
        near = did_you_mean(name, shipped) or "."
        fail(
            f"there is no config '{name}', neither here nor among the shipped configs {', '.join(shipped)}{near}",
            2,
        )
    return name if Path(name).is_file() else str(shipped[name])


def _parser() -> Parser:
    parser = Parser(prog="xinc configs", description="List the shipped configs, or copy some here.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="shipped configs; by default all")
    parser.add_argument("--copy", action="store_true", help="copy them to this folder, to edit them")
    return parser
