"""Fits as tasks of Ray: queueing, spreading over nodes and retries are Ray's."""

import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xinc_lightning import __version__
from xinc_lightning.errors import INTERRUPTED, KILLED, UserError
from xinc_lightning.studies.fleet.fit import fit
from xinc_lightning.studies.fleet.plan import Cell
from xinc_lightning.studies.fleet.pool import RETRIES, THREADS, cores
from xinc_lightning.studies.fleet.state import log_of

if TYPE_CHECKING:
    import ray

NODE_TIMEOUT = 300.0
"""Seconds in which every node must have looked for the folders."""


class RayEngine:
    """Runs each fit as a task, in a process of its own; one whose process or node is lost is retried by Ray.

    Args:
        address: of a running cluster; ``auto`` for the one of this machine, which is started if there is none.
        runs: folder of the runs, which every node must see.
        cpus: that a fit needs, and as many threads as it gets.
        gpus: that a fit needs; several share one of which each needs a part.
        memory: that a fit needs, in bytes; 0 for any.

    Raises:
        UserError: if Ray is missing, there is no cluster, or a node does not see the folders or has another version.
    """

    def __init__(self, address: str, runs: Path, cpus: float = 1, gpus: float = 0, memory: int = 0) -> None:
        self.ray = _connected(address)
        self._started: dict[ray.ObjectRef[int], Cell] = {}
        folder = str(Path.cwd())
        _check_nodes(self.ray, runs, folder)
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": RETRIES}
        needs = {"memory": memory} if memory else {}
        # A fit leaves its process as no other should find it, so each gets its own: max_calls.
        self._task: Any = self.ray.remote(max_calls=1, **options, **needs)(_task)
        self._folder = folder

    @property
    def busy(self) -> bool:
        """Whether there are fits that have not ended."""
        return bool(self._started)

    def submit(self, cells: Sequence[Cell]) -> None:
        """Queue fits."""
        for cell in cells:
            self._started[self._task.options(name=cell.name).remote(cell, self._folder)] = cell

    def wait(self, seconds: float) -> list[tuple[Cell, int]]:
        """Fits that have ended within so many seconds, as soon as there are any, with their exit codes."""
        ended, _ = self.ray.wait([*self._started], timeout=seconds)
        return [(self._started[ref], self._code(ref, self._started.pop(ref))) for ref in ended]

    def stop(self, at_once: bool = False) -> None:
        """Start no more fits, and have the running ones finish their epoch; or kill them."""
        for ref in [*self._started]:
            self.ray.cancel(ref, force=at_once)

    def close(self) -> None:
        """Leave the cluster; what is still running ends with that, and a cluster that was started here, too."""
        self.ray.shutdown()

    def _code(self, ref: "ray.ObjectRef[int]", cell: Cell) -> int:
        errors = self.ray.exceptions
        try:
            return int(self.ray.get(ref))
        except errors.TaskCancelledError:
            return INTERRUPTED
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError):
            return KILLED
        except errors.RayError as error:
            reason = " ".join(str(error).split())
            log = log_of(cell)
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(f"xinc: error: Ray: {reason}\n")
            return 1


def _task(cell: Cell, folder: str) -> int:
    """What a node does."""
    os.environ.setdefault(THREADS[1], os.environ.get(THREADS[0], "1"))
    os.chdir(folder)
    return fit(cell)


def _look(folder: str, file: str, content: str) -> str:
    """What is wrong on a node, as the end of a sentence; empty if nothing is."""
    try:
        os.chdir(folder)
    except OSError:
        return f"does not have the folder '{folder}', in which the fleet was started"
    try:
        seen = Path(file).read_text(encoding="utf-8")
    except OSError:
        seen = ""
    if seen != content:
        return f"does not see the folder of the runs '{Path(file).parent}'"
    return f"has xinc_lightning {__version__}" * (not content.startswith(f"{__version__} "))


def _connected(address: str) -> Any:
    """Ray, connected to a cluster."""
    try:
        import ray
    except ImportError:
        raise UserError('--ray needs Ray: pip install ".[fleet]".') from None
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        ray.init(address, **quiet)
    except ConnectionError as error:
        if address != "auto":
            raise UserError(
                f"there is no Ray cluster at '{address}', or its token is not this machine's (RAY_AUTH_MODE=token "
                f"and `ray get-auth-token`): {' '.join(str(error).split())[:300]}"
            ) from None
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=cores(), include_dashboard=False, **quiet)
    return ray


def _check_nodes(ray: Any, runs: Path, folder: str) -> None:
    """Have every node look for the folders, before any fit."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    file, content = runs.absolute() / f".seen-{secrets.token_hex(4)}", f"{__version__} {secrets.token_hex(8)}"
    file.write_text(content, encoding="utf-8")
    try:
        nodes = {node["NodeID"]: node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
        looks = [
            ray.remote(_look)
            .options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
            .remote(folder, str(file), content)
            for node in nodes
        ]
        until = time.monotonic() + NODE_TIMEOUT
        for host, look in zip(nodes.values(), looks, strict=True):
            try:
                problem = ray.get(look, timeout=max(0.0, until - time.monotonic()))
            except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError):
                continue  # lost since the nodes were listed, so no fit will get there
            if problem:
                raise UserError(
                    f"Ray's node '{host}' {problem}; all nodes need the same (this is {__version__})."
                )
    except ray.exceptions.GetTimeoutError:
        raise UserError(f"not every node of Ray has answered within {NODE_TIMEOUT:g} s.") from None
    finally:
        file.unlink()
