"""What holds across runs of many clips and seeds: spreads, the paper's findings, paired comparisons."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xinc_lightning.runs.reader import Run
from xinc_lightning.runs.scalar_names import parse_scalar_name
from xinc_lightning.studies.bootstrap import Estimate, estimates
from xinc_lightning.studies.pairs import OF_THE_RUN, Pair, pairs_of
from xinc_lightning.studies.population import Population, population
from xinc_lightning.studies.verdicts import Answer, answers
from xinc_lightning.text import counted

SHOWN = (
    *(f"variance/{name}_median" for name in ("instances", "rgb", "gabor", "grid", "lattice")),
    *(f"variance/{name}_effect" for name in ("instances", "rgb", "gabor", "grid")),
    *("maps/no_contribution", "maps/inactive"),
    *("intensity/intensity_correlation", "intensity/edge_correlation"),
    *("pixels_per_neuron/median_share", "neurons_per_pixel/effective_share"),
    *("flow_vs_fluctuation/spearman", "flow_vs_fluctuation/auc"),
    *("faithfulness/cosine_median", "faithfulness/rank_contribution"),
)
"""Scalars of a layer that the Markdown and the figures have, where they were logged; the CSV files have all."""


VERDICTS = {"holds": 1.0, "undecided": 0.0, "does not hold": -1.0}


@dataclass(frozen=True)
class Spread:
    """A scalar over the clips and seeds of one setting.

    Attributes:
        setting: of the runs.
        layer: empty for the network as a whole.
        analysis: of the scalar; empty likewise.
        name: of the scalar.
        values: [n] one for each run that has it.
        clips: [n] their clips, by place in the population's.
        estimate: of the mean over clips.
    """

    setting: str
    layer: str
    analysis: str
    name: str
    values: tuple[float, ...]
    clips: tuple[int, ...]
    estimate: Estimate


@dataclass(frozen=True)
class Summary:
    """All there is to be said about a population.

    Attributes:
        population: the runs.
        spreads: of every scalar, setting by setting, layers from the input side.
        answers: to the paper's findings.
        pairs: of settings.
    """

    population: Population
    spreads: tuple[Spread, ...]
    answers: tuple[Answer, ...]
    pairs: tuple[Pair, ...]

    @property
    def title(self) -> str:
        """How much there is."""
        found = self.population
        runs, clips = counted(len(found.runs), "run"), counted(len(found.clip_names), "clip")
        return f"{runs} of {clips} from {counted(found.sources, 'source')}"

    def scalars(self) -> dict[str, float]:
        """Each finding's mean and verdict in a layer: 1 holds, 0 undecided, −1 does not hold."""
        found = {}
        for one in self.answers:
            name = _key(one.finding.name), _key(f"{one.setting} {one.layer}")
            found["/".join(("verdict", *name))] = VERDICTS[one.verdict]
            found["/".join(("mean", *name))] = one.estimate.mean
        return found

    def config(self) -> dict[str, Any]:
        """What is summarised."""
        found = self.population
        seeds = sorted({run.seed for run in found.runs})
        return {"settings": [*found.setting_names], "clips": [*found.clip_names], "seeds": seeds}


def _key(text: str) -> str:
    """A part of a scalar's name.

    >>> _key("NeRV · target_bpp=16.0 head")
    'NeRV_target_bpp=16.0_head'
    """
    return re.sub(r"[^\w.=-]+", "_", text)


def summarise(runs: Sequence[Run]) -> Summary:
    """Summarise runs by their last analyses.

    Raises:
        RunError: if no run can be summarised.
    """
    found = population(runs)
    spreads = [one for setting in found.setting_names for one in spreads_of(found, setting)]
    return Summary(found, tuple(spreads), tuple(answers(found)), tuple(pairs_of(found)))


def spreads_of(found: Population, setting: str) -> list[Spread]:
    """Of every scalar of a setting: those of the network, then those of its layers."""
    places = found.of(setting)
    columns: dict[tuple[str, str, str], list[float]] = {}
    for number, place in enumerate(places):
        run, snapshot = found.runs[place], found.snapshots[place]
        values = {("", "", name): value for name, value in of_the_run(run).items()}
        values |= {
            (of.layer, of.analysis, of.name): value
            for key, value in snapshot.scalars.items()
            if (of := parse_scalar_name(key))
        }
        for key, value in values.items():
            columns.setdefault(key, [math.nan] * len(places))[number] = value
    layers = {layer: n for n, layer in enumerate(_layers([found.runs[place] for place in places]))}
    names = sorted(columns, key=lambda key: layers.get(key[0], -1 if not key[0] else len(layers)))
    clips = found.clip_numbers(places)
    made = estimates(np.array([columns[name] for name in names]).T, clips)
    spreads = []
    for name, estimate in zip(names, made, strict=True):
        kept = [(v, c) for v, c in zip(columns[name], clips, strict=True) if math.isfinite(v)]
        if kept:
            layer, analysis, quantity = name
            numbers, members = zip(*kept, strict=True)
            spreads.append(Spread(setting, layer, analysis, quantity, numbers, members, estimate))
    return spreads


def _layers(runs: Sequence[Run]) -> tuple[str, ...]:
    """Of the run with most of them, input side first."""
    return max((run.layers for run in runs), key=lambda layers: len(layers))


def of_the_run(run: Run) -> Mapping[str, float]:
    """Results of a network as a whole."""
    psnr = run.snapshots[-1].psnr
    return {name: run.final.get(name, math.nan) for name in OF_THE_RUN} | {"psnr": psnr}


def is_shown(analysis: str, name: str) -> bool:
    """Whether a scalar is among :data:`SHOWN`, or of the network as a whole."""
    return not analysis or f"{analysis}/{name}" in SHOWN


def wandb_options(runs: Sequence[Run]) -> dict[str, str] | None:
    """Project, entity and group that all runs share; None if not all of them were to be logged to W&B."""
    options = [_logger_of(run) for run in runs]
    if not options or any(one is None for one in options):
        return None
    shared = {}
    for name in ("project", "entity", "group"):
        values = {(one or {}).get(name) for one in options}
        if len(values) == 1 and (value := values.pop()):
            shared[name] = str(value)
    return shared


def _logger_of(run: Run) -> Mapping[str, Any] | None:
    """Options of a run's W&B logger."""
    loggers = (run.config.get("trainer") or {}).get("logger")
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        if isinstance(logger, Mapping) and str(logger.get("class_path", "")).endswith(".WandbRun"):
            options = logger.get("init_args")
            return options if isinstance(options, Mapping) else {}
    return None
