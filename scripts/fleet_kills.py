"""Kill workers, nodes and drivers of a fleet at random moments, and compare with an undisturbed one.

    python scripts/fleet_kills.py --kills 20 --ray

A small plan of tiny FFNs is carried out by a pool of processes or, with --ray, on a cluster of two nodes. Workers,
nodes and the driver itself are killed (SIGKILL) until the given number of kills; the driver is started again with the
same command. In the end every fit must be done in one run folder, none may have been trained again after it was done,
and weights, optimisers, metrics and analyses must be bit-identical to those of the undisturbed plan.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # so that sums are the same in every process

import cv2
import numpy as np
from kill_test import CONFIG, check_whole, compare

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.runs.checkpoint_file import CheckpointError
from xinc_lightning.studies.fleet.plan import Plan, read_plan
from xinc_lightning.studies.fleet.state import LOGS, is_done, runs_of

FITS = 4
PLAN = """
name: fleet
runs: {runs}
config: victim.yaml
set: {{trainer.max_epochs: {epochs}}}
grid: {{seeds: {seeds}}}
"""


class Victims:
    """A fleet at work, and what can be killed of it.

    Args:
        plan: its file.
        ray: whether it is carried out on a cluster of two nodes, started here.
    """

    def __init__(self, plan: Path, ray: bool) -> None:
        self.plan, self.options = plan, ["--workers", "2"]
        self.cluster = None
        if ray:
            from ray.cluster_utils import Cluster

            os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
            self.cluster = Cluster(
                initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
            )
            self.node = self.cluster.add_node(num_cpus=1)
            self.options = ["--ray", self.cluster.address]
        self.driver = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the driver."""
        command = [sys.executable, "-m", "xinc_lightning", "fleet", self.plan.name, *self.options]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self.plan.parent)

    def kill(self, kind: str, logs: Path) -> bool:
        """Kill one; returns whether there was one."""
        if kind == "driver":
            self.driver.kill()
            self.driver.wait()
            self.driver = self.start()
        elif kind == "node" and self.cluster is not None:
            self.cluster.remove_node(self.node, allow_graceful=False)
            self.node = self.cluster.add_node(num_cpus=1)
        elif kind == "worker":
            return any(
                kill_worker(log) for log in random.sample([*logs.glob("*.log")], len([*logs.glob("*.log")]))
            )
        return True

    def close(self) -> None:
        """Stop everything."""
        self.driver.wait()
        if self.cluster is not None:
            self.cluster.shutdown()


def kill_worker(log: Path) -> bool:
    """Kill the process that writes a log; returns whether it was alive."""
    processes = re.findall(r"^--- .*, process (\d+),", log.read_text(encoding="utf-8"), re.MULTILINE)
    with suppress(ProcessLookupError):
        if processes:
            os.kill(int(processes[-1]), signal.SIGKILL)
            return True
    return False


def main() -> None:
    """Parse the command line; exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--ray", action="store_true", help="on a cluster of two nodes, which are killed, too")
    parser.add_argument("--epochs", type=int, default=150, help="of each fit")
    parser.add_argument("--pause", type=float, default=6.0, help="mean seconds between two kills")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    random.seed(options.seed)
    kinds = ("worker", "worker", "node", "driver") if options.ray else ("worker", "worker", "driver")
    kills, rounds, start = Counter[str](), 0, time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fleet-kills-") as folder:
        work = Path(folder)
        undisturbed = prepare(work, "undisturbed", options.epochs)
        command = [sys.executable, "-m", "xinc_lightning", "fleet", "undisturbed.yaml", "--workers", "2"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=work)
        while kills.total() < options.kills:
            rounds += 1
            plan = prepare(work, f"killed{rounds}", options.epochs)
            kills += disturb(work, plan, options, kinds, options.kills - kills.total())
            for name, run in runs_of(plan).items():
                compare(run, undisturbed.runs / f"{name}-001")
    said = ", ".join(f"{count} of {kind}s" for kind, count in sorted(kills.items()))
    print(
        f"{kills.total()} kills ({said}) in {rounds} plans of {FITS} fits: nothing lost, nothing trained twice, the "
        f"results are those of the undisturbed plan, bit for bit ({time.perf_counter() - start:.0f} s)."
    )


def prepare(work: Path, name: str, epochs: int) -> Plan:
    """Write a plan with its config and clip; returns it."""
    clip = work / "clip"
    clip.mkdir(exist_ok=True)
    picture = cv2.circle(np.full((16, 32, 3), 90, np.uint8), (8, 8), 4, (230, 30, 200), -1)
    cv2.imwrite(str(clip / "0.png"), picture)
    config = CONFIG.format(clip=clip, epochs=epochs, runs=work / "runs")
    (work / "victim.yaml").write_text(config + "    - class_path: xinc_lightning.callbacks.Report\n")
    seeds = [*range(FITS)]
    (work / f"{name}.yaml").write_text(PLAN.format(runs=work / name, epochs=epochs, seeds=seeds))
    os.chdir(work)
    return read_plan(work / f"{name}.yaml", shipped_configs())


def disturb(
    work: Path, plan: Plan, options: argparse.Namespace, kinds: tuple[str, ...], most: int
) -> Counter[str]:
    """Carry out a plan with kills; returns how many there were of each kind."""
    victims = Victims(work / f"{plan.runs.name}.yaml", options.ray)
    kills: Counter[str] = Counter()
    done: dict[Path, int] = {}
    while True:
        reports = {
            run: (run / "report.json").stat().st_mtime_ns for run in runs_of(plan).values() if is_done(run)
        }
        if any(reports[run] != time_of for run, time_of in done.items()):
            sys.exit("A fit that was done was trained again.")
        done = reports
        if len(done) == FITS:
            break
        if victims.driver.poll() is not None:  # a fit was killed too often
            victims.driver = victims.start()
        time.sleep(random.uniform(0, 2 * options.pause) if kills.total() < most else 0.2)
        if kills.total() < most and len([*(plan.runs / LOGS).glob("*.log")]):
            kind = random.choice(kinds)
            kills[kind] += victims.kill(kind, plan.runs / LOGS)
        for run in runs_of(plan).values():
            check_whole_or_gone(run)
    victims.close()
    folders = [path for path in plan.runs.iterdir() if (path / "config.yaml").exists()]
    if len(folders) != FITS:
        sys.exit(f"{FITS} fits have left {len(folders)} run folders.")
    return +kills


def check_whole_or_gone(run: Path) -> None:
    """Check a run that may be at work: what it has replaced since the folder was listed counts as whole."""
    try:
        check_whole(run)
    except (CheckpointError, FileNotFoundError) as error:
        gone = re.search(r"'(/[^']*)'", str(error))
        if gone is None or Path(gone[1]).exists():
            raise


if __name__ == "__main__":
    main()
