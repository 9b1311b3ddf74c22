"""Runs of many clips and seeds: which clip each is of, and with which setting."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xinc_lightning.runs.reader import Run, RunError, Snapshot
from xinc_lightning.text import printable

NO_SETTINGS = (
    *("name", "seed_everything", "ckpt_path", "keep_weights", "weights_only"),
    *("data.path", "data.clip_id", "data.frames", "data.masks", "data.seed", "data.max_pixels"),
    "model.init_args.clip_shape",
    *(f"trainer.{key}" for key in ("accelerator", "strategy", "devices", "num_nodes", "logger")),
    *(f"trainer.{key}" for key in ("default_root_dir", "profiler", "plugins", "benchmark", "deterministic")),
    *(f"trainer.{key}" for key in ("check_val_every_n_epoch", "log_every_n_steps", "num_sanity_val_steps")),
    *(f"trainer.{key}" for key in ("enable_progress_bar", "enable_model_summary", "enable_checkpointing")),
    "trainer.max_time",
)
"""Keys of a config that say which clip or seed, or where and how a run is computed, not what network results."""

CADENCE = ("every_n_epochs", "epochs", "log_spaced", "at_checkpoints", "strict")
"""Options of a callback that say when, not what."""

UNSAID = "?"

LONGEST_VALUE = 40


@dataclass(frozen=True)
class Population:
    """Runs that are summarised together.

    Attributes:
        runs: each with analyses.
        settings: [runs] each run's setting: its architecture, with the options in which its runs differ.
        clips: [runs] each run's clip.
        sources: number of files, folders or clips of datasets that the clips are from.
        left_out: which runs are not among these, and why; a sentence each.
    """

    runs: tuple[Run, ...]
    settings: tuple[str, ...]
    clips: tuple[str, ...]
    sources: int
    left_out: tuple[str, ...]

    @property
    def setting_names(self) -> tuple[str, ...]:
        """Each setting once."""
        return tuple(dict.fromkeys(self.settings))

    @property
    def clip_names(self) -> tuple[str, ...]:
        """Each clip once."""
        return tuple(dict.fromkeys(self.clips))

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """[runs] The last analyses of each."""
        return tuple(run.snapshots[-1] for run in self.runs)

    def of(self, setting: str) -> list[int]:
        """Places of a setting's runs."""
        return [place for place, name in enumerate(self.settings) if name == setting]

    def clip_numbers(self, places: Sequence[int]) -> list[int]:
        """The clips of runs, by their place in :attr:`clip_names`."""
        numbers = {name: number for number, name in enumerate(self.clip_names)}
        return [numbers[self.clips[place]] for place in places]


def population(runs: Sequence[Run]) -> Population:
    """Find each run's clip and setting; runs that are not finished, or that repeat another, are left out.

    Raises:
        RunError: if none is left.
    """
    settings = _settings(runs)
    clips, _ = _clips(runs)
    last: dict[str, int] = defaultdict(int)
    for run, setting in zip(runs, settings, strict=True):
        last[setting] = max(last[setting], run.snapshots[-1].epoch)
    kept: dict[tuple[str, ...], int] = {}
    left_out = []
    for place, (run, setting, clip) in enumerate(zip(runs, settings, clips, strict=True)):
        key = (setting, clip, run.seed if run.seed != UNSAID else str(place))
        epoch = run.snapshots[-1].epoch
        if epoch < last[setting] and not run.final:
            left_out.append(f"{run.path}: not finished, epoch {epoch} of {last[setting]}.")
        elif key in kept:
            left_out.append(f"{run.path}: the same setting, clip and seed as {runs[kept[key]].path}.")
        else:
            kept[key] = place
    if not kept:
        raise RunError("there is no run to summarise.")
    chosen = tuple(runs[place] for place in kept.values())
    clips, sources = _clips(chosen)
    return Population(chosen, tuple(_settings(chosen)), tuple(clips), sources, tuple(left_out))


def _settings(runs: Sequence[Run]) -> list[str]:
    """Each run's architecture, and the options in which runs of that architecture differ."""
    options = [dict(_flat(run.config)) for run in runs]
    values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for run, own in zip(runs, options, strict=True):
        for key, value in own.items():
            values[run.architecture][key].add(value)
    return [_label(run, own, values[run.architecture]) for run, own in zip(runs, options, strict=True)]


def _label(run: Run, own: Mapping[str, str], values: Mapping[str, set[str]]) -> str:
    differing = [key for key in own if len(values[key]) > 1]
    short = [key.rpartition(".")[2] for key in differing]
    said = sorted(
        f"{name if short.count(name) == 1 else key}={printable(own[key], LONGEST_VALUE)}"
        for name, key in zip(short, differing, strict=True)
    )
    return " · ".join([printable(run.architecture), *([", ".join(said)] if said else [])])


def _flat(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Options by dotted path, as text; those of callbacks by their class's name."""
    for name, value in config.items():
        key = f"{path}{name}"
        if key in NO_SETTINGS:
            continue
        if key == "trainer.callbacks":
            for callback in value if isinstance(value, list) else []:
                yield from _options_of(callback)
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{key}.")
        else:
            yield key, json.dumps(value, default=str)


def _options_of(callback: Any) -> Iterator[tuple[str, str]]:
    if isinstance(callback, Mapping):
        name = str(callback.get("class_path", "")).rpartition(".")[2]
        options = callback.get("init_args")
        for option, value in options.items() if isinstance(options, Mapping) else ():
            if option not in CADENCE:
                yield f"{name}.{option}", json.dumps(value, default=str)


def _clips(runs: Sequence[Run]) -> tuple[list[str], int]:
    """Each run's clip, and the number of sources. Runs of one source that share a frame are of one clip.

    So an FFN of frame 0 and a NeRV of frames 0 to 29 are of one clip, and two windows that overlap are, too.
    """
    sources: dict[str, list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        data = run.config.get("data") or {}
        sources[json.dumps([data.get("path"), data.get("clip_id")], default=str)].append(place)
    shorts = [runs[places[0]].clip for places in sources.values()]
    labels = [""] * len(runs)
    for source, places in sources.items():
        short = runs[places[0]].clip
        label = printable(short if shorts.count(short) == 1 else source)
        windows = _windows([(place, set(runs[place].snapshots[-1].frames)) for place in places])
        for frames, members in windows:
            said = f" {min(frames)}–{max(frames)}" if len(windows) > 1 else ""
            for place in members:
                labels[place] = label + said
    return labels, len(sources)


def _windows(pieces: Sequence[tuple[int, set[int]]]) -> list[tuple[set[int], list[int]]]:
    """Sets of frames that share one, merged, with what belongs to each; one without frames belongs to all."""
    found: list[tuple[set[int], list[int]]] = []
    for place, frames in pieces:
        apart = [w for w in found if frames and w[0] and not frames & w[0]]
        touching = [w for w in found if not any(w is other for other in apart)]
        merged = frames.union(*(w[0] for w in touching)), [p for w in touching for p in w[1]] + [place]
        found = [*apart, merged]
    return found
