"""A run that version 0.1 left behind, interrupted after two of four epochs, is of use as it was then."""

import json
import math
import re
import shutil
import sys
from pathlib import Path

import pytest

from xinc_lightning.cli.main import main
from xinc_lightning.runs.scalar_names import current_name

FIXTURES = Path(__file__).parent / "fixtures"

KMEANS = re.compile("^variance/[^/]+/(rgb|gabor)_")
"""Scalars of partitions by k-means."""

CODED = re.compile("(^|/)(coded_|quantized_)")
"""Scalars of the quantised and coded network."""


pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def run_of_0_1(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["xinc"])
    return Path(shutil.copytree(FIXTURES / "run_of_0_1", tmp_path / "runs" / "old-001"))


def same_numbers(found: dict, before: dict) -> None:
    before = {current_name(name): value for name, value in before.items()}
    assert found.keys() >= before.keys()
    for name, value in before.items():
        # An embedding and what is clustered in it depend on the processor; how they are named does not.
        # Partitions by k-means are others since it takes the best of ten starts, files since they are coded otherwise.
        others = "neuron_clusters" in name or KMEANS.search(name) or CODED.search(name)
        if value is not None and not others:
            assert math.isclose(found[name], value, rel_tol=1e-3, abs_tol=1e-4), name


def test_old_run_is_resumed_to_the_same_numbers(run_of_0_1):
    config, checkpoint = run_of_0_1 / "config.yaml", run_of_0_1 / "checkpoints/last.ckpt"
    main(["fit", "--config", str(config), "--ckpt_path", str(checkpoint)])
    undisturbed = json.loads((FIXTURES / "run_of_0_1_undisturbed.json").read_text())
    report = json.loads((run_of_0_1 / "report.json").read_text())
    same_numbers(report, undisturbed["report"])
    scalars = json.loads((run_of_0_1 / "analyses/epoch=0004/scalars.json").read_text())["scalars"]
    same_numbers(scalars, undisturbed["scalars"])
    settings = json.loads((run_of_0_1 / "analyses/epoch=0004/settings.json").read_text())
    assert settings["network"]["layers"] == ["block1", "block2", "block3", "head"], "which 0.1 did not write"
    before = {p.relative_to(FIXTURES / "run_of_0_1") for p in (FIXTURES / "run_of_0_1/analyses").rglob("*.*")}
    after = {p.relative_to(run_of_0_1) for p in (run_of_0_1 / "analyses").rglob("*.*")}
    assert before <= after
    names = {p.relative_to("analyses/epoch=0002") for p in before if "epoch=0002" in p.parts}
    assert names <= {p.relative_to("analyses/epoch=0004") for p in after if "epoch=0004" in p.parts}


def test_old_run_is_tested(run_of_0_1):
    config, checkpoint = run_of_0_1 / "config.yaml", run_of_0_1 / "checkpoints/last.ckpt"
    main(["test", "--config", str(config), "--ckpt_path", str(checkpoint)])
    (found,) = (run_of_0_1.parent).glob("old-test-*/analyses/epoch=0002/scalars.json")
    before = json.loads((run_of_0_1 / "analyses/epoch=0002/scalars.json").read_text())["scalars"]
    same_numbers(json.loads(found.read_text())["scalars"], before)


def test_old_run_is_reported_compared_and_animated(run_of_0_1):
    for command in ("report", "compare", "evolution", "umap"):
        main([command, str(run_of_0_1)])
    assert (run_of_0_1 / "report.html").stat().st_size > 100_000
    assert "variance" in (run_of_0_1.parents[1] / "compare/table.csv").read_text()
    assert (run_of_0_1 / "evolution/head.gif").is_file()
