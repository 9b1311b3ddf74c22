"""What the analyses of a finished run cost: seconds of each at the first and at later looks.

python scripts/benchmark.py looks runs/nerv-001 [--looks 3] [--only Faithfulness] [--keep FOLDER]
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from xinc_lightning import callbacks
from xinc_lightning.callbacks.base.analysis import Analysis
from xinc_lightning.callbacks.base.runner import AnalysisRunner
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.figures import Renderer
from xinc_lightning.modules.allocator import keep_freed_memory
from xinc_lightning.modules.loading import load_run
from xinc_lightning.runs.layout import SECONDS, snapshot_name


def main(arguments: Sequence[str]) -> None:
    """Look several times at the run's last network, and print a table."""
    parser = argparse.ArgumentParser(prog="benchmark.py looks", description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--looks", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[], help="names of analyses, by default all of the run")
    parser.add_argument("--keep", type=Path, help="where to leave the results")
    given = parser.parse_args(arguments)
    keep_freed_memory()  # as training does
    module, clip = load_run(given.run)
    analyses = [a for a in analyses_of(given.run) if not given.only or type(a).__name__ in given.only]
    runner, renderer = AnalysisRunner(analyses), Renderer()
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for look in range(given.looks):
            start, cpu = time.perf_counter(), cpu_seconds()
            folder = (given.keep or Path(scratch)) / snapshot_name(look)
            sink = Sink(folder, [], look, look, False, renderer.png)
            runner.run(module, clip, sink, analyses)
            computed = time.perf_counter()
            sink.close()
            for name, seconds in json.loads((folder / SECONDS).read_text()).items():
                rows.setdefault(name, []).append(seconds)
            end = time.perf_counter()
            rows.setdefault("writing", []).append(end - computed)
            rows.setdefault("together", []).append(end - start)
            rows.setdefault("CPU of this process", []).append(cpu_seconds() - cpu)
    before_drawing = os.times()
    renderer.close()
    drawing = sum(os.times()[2:4]) - sum(before_drawing[2:4])
    for name, seconds in rows.items():
        print(f"{name:24}" + "".join(f"{s:8.2f}" for s in seconds))
    print(f"{'CPU of drawing, a look':24}{drawing / given.looks:8.2f}")


def analyses_of(run: Path) -> list[Analysis]:
    """The analyses of the run's config, with their options."""
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    found = []
    for entry in config["trainer"]["callbacks"]:
        kind = getattr(callbacks, entry["class_path"].rpartition(".")[2])
        if issubclass(kind, Analysis):
            found.append(kind(**{k: v for k, v in entry["init_args"].items() if v is not None}))
    return found


def cpu_seconds() -> float:
    """Of all threads of this process."""
    return sum(os.times()[:2])
