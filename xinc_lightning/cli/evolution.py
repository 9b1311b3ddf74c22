"""``xinc evolution``: a run's maps over training, as animations."""

from collections.abc import Sequence
from pathlib import Path

from xinc_lightning.cli.console import Parser, reading_runs, say
from xinc_lightning.runs.folder import refuse_links
from xinc_lightning.runs.layout import EVOLUTION
from xinc_lightning.runs.reader import read_run
from xinc_lightning.studies.evolution import films_of, write_film
from xinc_lightning.text import counted


def main(args: Sequence[str]) -> None:
    """Write an animation of each layer's neurons and one of the heat maps, as GIF and MP4."""
    options = _parser().parse_args(args)
    with reading_runs("evolution") as runs:
        runs += [run := read_run(options.run)]
        films = films_of(run, options.layers, options.neurons)
        out = Path(options.out or run.path / EVOLUTION)
        if not options.out:
            refuse_links(run.path, EVOLUTION)
        for name, pictures in films.items():
            write_film(out, name, pictures)
    say(f"{counted(len(films), 'animation')}, as GIF and MP4, in {out}")


def _parser() -> Parser:
    parser = Parser(prog="xinc evolution", description="A run's maps over training, as GIF and MP4.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--layers", nargs="+", metavar="LAYER", help="animate the neurons of these layers only"
    )
    parser.add_argument(
        "--neurons", nargs="+", type=int, metavar="INDEX", help="only these, of those that were logged"
    )
    parser.add_argument("--out", help="folder to write to; <RUN>/evolution unless given")
    return parser
