"""What a fleet itself costs: planning thousands of fits, and Ray against the plain pool.

    python scripts/benchmark_fleet.py plan              # 3,536 clips × 5 seeds of a made-up VIPSeg, no training
    python scripts/benchmark_fleet.py engines           # 12 tiny fits by two processes, then by Ray on two cores

The annotations of the made-up VIPSeg are of 24 frames a clip and 10 segments a frame. There are no pictures, which
planning does not open.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

CLIPS, SEEDS, FRAMES, SEGMENTS = 3536, 5, 24, 10
FITS = 12
CONFIG = """
model: {class_path: xinc_lightning.modules.FFNModule, init_args: {target_parameters: 3000}}
data: {path: carphone, frames: "0:2", resize: [16, 32], batch_size: null}
trainer:
  accelerator: cpu
  max_epochs: 200
  check_val_every_n_epoch: 50
  num_sanity_val_steps: 0
  enable_model_summary: false
  logger: {class_path: xinc_lightning.callbacks.MetricsFile}
  callbacks:
    - class_path: xinc_lightning.callbacks.Checkpoints
    - class_path: xinc_lightning.callbacks.Report
"""


def main() -> None:
    """Parse the command line and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("plan", "engines"))
    parser.add_argument("--rounds", type=int, default=5, help="of engines, one after the other")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-fleet-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        os.chdir(folder)
        if options.what == "plan":
            plan()
        else:
            engines(options.rounds)


def plan() -> None:
    """Time and memory of planning, from a fresh process to the last command."""
    process = os.fork()  # so that none of it is in this process's memory
    if process == 0:
        made_up_vipseg(Path("VIPSeg_720P"))
        os._exit(0)
    os.waitpid(process, 0)
    size = (Path("VIPSeg_720P") / "panoptic_gt_VIPSeg.json").stat().st_size
    for cached in ("first", "second"):
        start = time.perf_counter()
        process = os.fork()
        if process == 0:
            _plan()
            os._exit(0)
        _, code, used = os.wait4(process, 0)
        if code:
            sys.exit("planning failed")
        print(
            f"{CLIPS} clips × {SEEDS} seeds, {cached} time ({size / 1e6:.0f} MB of JSON): "
            f"{time.perf_counter() - start:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of them on a core, "
            f"{used.ru_maxrss / 1000:.0f} MB"
        )


def _plan() -> None:
    from xinc_lightning.cli.configs import shipped_configs
    from xinc_lightning.data import index
    from xinc_lightning.studies.fleet.fleet import missing
    from xinc_lightning.studies.fleet.plan import make_plan
    from xinc_lightning.studies.fleet.state import command

    read, reading = index.read_json, []

    def counting(path: Path, *options: Any) -> object:
        reading.append(path)
        return read(path, *options)

    index.read_json = counting
    grid = {"clips": "all", "seeds": [*range(SEEDS)]}
    content = {"name": "all", "config": "nerv.yaml", "set": {"data.path": "VIPSeg_720P"}, "grid": grid}
    made = make_plan(content, shipped_configs())
    commands = [command(cell, None) for cell in missing(made)]
    assert len(commands) == CLIPS * SEEDS
    print(f"{len(reading)} JSON files read")


def made_up_vipseg(folder: Path) -> None:
    """Write annotations like those of VIPSeg."""
    folder.mkdir()
    segments = [
        {"id": 1000 * s, "category_id": s, "iscrowd": 0, "bbox": [0, 0, 99, 99], "area": 9801}
        for s in range(SEGMENTS)
    ]
    annotations = [
        {
            "video_id": f"{clip}_wHBO8eMSsgo",
            "annotations": [
                {"image_id": f"{n:08d}", "file_name": f"{n:08d}.png", "segments_info": segments}
                for n in range(FRAMES)
            ],
        }
        for clip in range(CLIPS)
    ]
    categories = [{"id": s, "name": f"category {s}", "isthing": s % 2} for s in range(SEGMENTS)]
    content = {"categories": categories, "annotations": annotations}
    (folder / "panoptic_gt_VIPSeg.json").write_text(json.dumps(content))


def engines(rounds: int) -> None:
    """Seconds that the pool, a running cluster of Ray, and Ray with its start take for the same fits, in turns."""
    from ray.cluster_utils import Cluster

    os.environ |= {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    Path("tiny.yaml").write_text(CONFIG)
    ratios: dict[str, list[float]] = {"on a running cluster": [], "with its start": []}
    for number in range(rounds):
        pool = seconds(f"pool{number}", ["--workers", "2"])
        started = seconds(f"started{number}", ["--ray", "auto"])
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        running = seconds(f"running{number}", ["--ray", cluster.address])
        cluster.shutdown()
        print(f"pool {pool:.1f} s, Ray {running:.1f} s, with its start {started:.1f} s", flush=True)
        for values, ray in zip(ratios.values(), (running, started), strict=True):
            values.append(ray / pool)
    for name, values in ratios.items():
        print(
            f"Ray {name}: {median(values):.2f} times the pool's time, {min(values):.2f} to {max(values):.2f}"
        )


def seconds(name: str, engine: list[str]) -> float:
    """How long the fits take, from the plan to the last of them."""
    from xinc_lightning.cli.fleet import main as fleet

    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        fleet(["--config", "tiny.yaml", "--name", name, "--seeds", *map(str, range(FITS)), *engine])
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
