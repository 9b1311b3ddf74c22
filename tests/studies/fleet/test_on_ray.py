"""Fits on a real Ray: two nodes on this machine, one of which is lost."""

import os
import threading
import time
from pathlib import Path

import pytest

from xinc_lightning import __version__
from xinc_lightning.cli.fleet import main
from xinc_lightning.errors import UserError
from xinc_lightning.studies.fleet import on_ray
from xinc_lightning.studies.fleet.on_ray import RayEngine, _look

ray = pytest.importorskip("ray", reason="the extra `fleet` is not installed")
ROOT = Path(__file__).parent.parent.parent.parent
pytestmark = pytest.mark.xdist_group("ray")

CONFIG = """
model: {{class_path: xinc_lightning.modules.FFNModule, init_args: {{target_parameters: 400}}}}
data: {{path: '{clip}', frames: [0], resize: [8, 16], batch_size: null}}
trainer:
  accelerator: cpu
  max_epochs: {epochs}
  check_val_every_n_epoch: 1
  num_sanity_val_steps: 0
  enable_model_summary: false
  logger: {{class_path: xinc_lightning.callbacks.MetricsFile}}
  callbacks:
    - class_path: xinc_lightning.callbacks.Checkpoints
    - class_path: xinc_lightning.callbacks.Report
"""

FITS = 12


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of two nodes, whose processes find this package."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_two_nodes_share_the_fits(cluster, tmp_path, monkeypatch, tiny_clip, capfd):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(CONFIG.format(clip=tiny_clip, epochs=2))
    cluster.add_node(num_cpus=1)
    main(["--config", "tiny.yaml", "--seeds", "1", "2", "3", "--ray", cluster.address])
    assert "all 3 fits are done" in capfd.readouterr().out
    assert len([*(tmp_path / "runs" / "fleet").glob("tiny-seed*/report.json")]) == 3


@pytest.mark.slow
def test_a_lost_node_costs_no_fit(cluster, tmp_path, monkeypatch, tiny_clip, capfd):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(CONFIG.format(clip=tiny_clip, epochs=30))
    node = cluster.add_node(num_cpus=1)
    logs = tmp_path / "runs" / "fleet" / "logs"
    lost = threading.Event()

    def lose_a_node():
        until = time.monotonic() + 600
        while len([*logs.glob("*.log")]) < FITS // 2 and time.monotonic() < until:
            time.sleep(0.1)
        cluster.remove_node(node, allow_graceful=False)
        lost.set()

    threading.Thread(target=lose_a_node, daemon=True).start()
    seeds = [str(seed) for seed in range(FITS)]
    main(["--config", "tiny.yaml", "--seeds", *seeds, "--ray", cluster.address])
    assert lost.is_set()
    assert f"all {FITS} fits are done" in capfd.readouterr().out
    runs = [*(tmp_path / "runs" / "fleet").glob("tiny-seed*")]
    assert len(runs) == FITS, "one folder each, also of that which was begun again"
    assert all((run / "report.json").is_file() for run in runs)
    beginnings = sum(path.read_text().count("--- ") for path in logs.glob("*.log"))
    assert beginnings > FITS, "the lost node was at work"


def test_a_node_that_does_not_see_the_folders_is_named(tmp_path):
    file, content = tmp_path / "seen", f"{__version__} abc"
    here = str(Path.cwd())
    file.write_text(content)
    assert _look(str(tmp_path), str(file), content) == ""
    os.chdir(here)
    assert "does not have the folder '/nowhere'" in _look("/nowhere", str(file), content)
    assert f"does not see the folder of the runs '{tmp_path}'" in _look(
        here, str(file), f"{__version__} other"
    )
    assert "does not see" in _look(here, str(tmp_path / "missing"), content)
    file.write_text("0.0 abc")
    assert _look(here, str(file), "0.0 abc") == f"has xinc_lightning {__version__}"


class BlindCluster:
    """A Ray whose second node does not see the folders; the first has died, which nobody knows yet."""

    exceptions = ray.exceptions

    def nodes(self):
        return [
            {"NodeID": number * 56, "NodeManagerHostname": f"node{number}", "Alive": number < "3"}
            for number in "123"
        ]

    def remote(self, *given):
        """Of the function, then of its arguments."""
        return self if len(given) == 1 else "is blind" * (self.node == "2")

    def options(self, num_cpus, scheduling_strategy):
        self.node = scheduling_strategy.node_id[0]
        return self

    def get(self, look, timeout):
        if not look:
            raise ray.exceptions.TaskUnschedulableError("the node doesn't exist any more")
        return look


def test_nothing_is_begun_if_a_node_is_blind(tmp_path, monkeypatch):
    monkeypatch.setattr(on_ray, "_connected", lambda address: BlindCluster())
    with pytest.raises(
        UserError, match=f"Ray's node 'node2' is blind; all nodes need the same .*{__version__}"
    ):
        RayEngine("auto", tmp_path)
    assert not [*tmp_path.iterdir()], "what the nodes look for is taken away again"


def test_no_cluster_is_one_sentence(monkeypatch, tmp_path):
    def refuse(address, **options):
        raise ConnectionError("nobody\nanswers")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(UserError, match=r"there is no Ray cluster at 'host:6379', or its .*: nobody answers"):
        RayEngine("host:6379", tmp_path)
