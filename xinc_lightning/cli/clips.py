"""``xinc clips``: the clips of a dataset, a folder or a video."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xinc_lightning.cli.console import Parser, one_line_errors
from xinc_lightning.data import list_clips
from xinc_lightning.text import printable

UNLIMITED = 1_000_000
"""Most characters of a line."""


def main(args: Sequence[str]) -> None:
    """Print one line per clip."""
    path = _parser().parse_args(args).path
    with one_line_errors():
        found = list_clips(path)
    table = Table("clip", "frames", "resolution", "instances", "annotated frames", "problem", box=None)
    for clip in found:
        size = f"{clip.height}×{clip.width}"
        row = (clip.frames, size, clip.instances, clip.annotated) if not clip.problem else ("", "", "", "")
        table.add_row(*(Text(printable(str(cell))) for cell in (clip.id, *row, clip.problem)))
    console = Console()
    if not console.is_terminal:  # lines are not cut for a file or another program
        console.width = console.measure(table, options=console.options.update(max_width=UNLIMITED)).maximum
    console.print(table)


def _parser() -> Parser:
    parser = Parser(prog="xinc clips", description="List the clips of a dataset, a folder or a video.")
    parser.add_argument("--data.path", "--data", dest="path", required=True, help="folder of the dataset")
    return parser
