"""``xinc evolution``: a run's maps over training, as films."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from xinc_lightning import evolution
from xinc_lightning.cli.console import Parser, fail
from xinc_lightning.data import DataError, write_gif, write_mp4
from xinc_lightning.figures.evolution import growing_heat_maps, growing_neurons
from xinc_lightning.runs.reader import Run, RunError, read_run

SECONDS, AT_THE_END = 0.5, 2.0
"""How long a checkpoint is shown, and the last one."""


def main(args: Sequence[str]) -> None:
    """Write a film of each layer's neurons and one of the heat maps, as GIF and MP4."""
    options = _parser().parse_args(args)
    try:
        run = read_run(options.run)
        films = films_of(run, options.layers, options.neurons)
        out = Path(options.out or run.path / "evolution")
        for name, pictures in films.items():
            write_film(out, name, np.stack([*pictures]))
    except (RunError, DataError) as error:
        fail(f"evolution: {error}")
    print(f"{len(films)} film{'s' * (len(films) > 1)}, as GIF and MP4, in {out}")


def films_of(
    run: Run, layers: Sequence[str] | None = None, neurons: Sequence[int] | None = None
) -> dict[str, Iterator[np.ndarray]]:
    """Pictures of each film, by name; they are drawn when they are asked for.

    Args:
        run: the run.
        layers: of which to show neurons, all that were saved unless given.
        neurons: which, all that every checkpoint has unless given.

    Raises:
        RunError: if there is nothing to show.
    """
    films = {}
    for layer in layers or dict.fromkeys(name for c in run.checkpoints for name in c.layers("maps")):
        grown = evolution.growing_neurons(run, layer, neurons)
        titles = evolution.titles(run, layer, grown.checkpoints)
        films[layer] = growing_neurons(grown.maps, grown.totals, grown.labels, titles)
    checkpoints, rows = evolution.growing_heat_maps(run)
    if rows and not layers:
        films["heat_maps"] = growing_heat_maps(rows, evolution.titles(run, "layers", checkpoints))
    if not films:
        raise RunError(
            f"'{run.path}' has no maps; train or test it with the callbacks ContributionMaps or NeuronsPerPixel."
        )
    return films


def write_film(folder: Path, name: str, pictures: np.ndarray) -> None:
    """Write ``<name>.gif`` and ``<name>.mp4``; the last picture stays longer.

    Args:
        folder: made if it does not exist.
        name: of the files.
        pictures: [pictures, height, width, 3] bytes.

    Raises:
        DataError: if the video cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_gif(folder / f"{name}.gif", pictures, [SECONDS] * (len(pictures) - 1) + [AT_THE_END])
    even = pictures[:, : pictures.shape[1] // 2 * 2, : pictures.shape[2] // 2 * 2]  # as players want it
    times = np.ones(len(even), int)
    times[-1] = round(AT_THE_END / SECONDS)
    write_mp4(folder / f"{name}.mp4", np.repeat(even, times, axis=0), 1 / SECONDS)


def _parser() -> Parser:
    parser = Parser(prog="xinc evolution", description="A run's maps over training, as GIF and MP4.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("--layers", nargs="+", metavar="LAYER", help="films of these layers' neurons only")
    parser.add_argument(
        "--neurons", nargs="+", type=int, metavar="INDEX", help="only these, of those that were logged"
    )
    parser.add_argument("--out", help="folder to write to; <RUN>/evolution unless given")
    return parser
