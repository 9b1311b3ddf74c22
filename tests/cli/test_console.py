"""What surrounds a command does not end it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURE = Path(__file__).parent.parent / "fixtures" / "run_of_0_1"


@pytest.mark.parametrize(
    "surroundings",
    [
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        {"PYTHONWARNINGS": "error"},
    ],
    ids=lambda surroundings: next(iter(surroundings)),
)
def test_a_page_is_made_whatever_surrounds_it(tmp_path, surroundings):
    run = tmp_path / "größe-001"
    run.symlink_to(FIXTURE)
    done = subprocess.run(
        [sys.executable, "-m", "xinc_lightning", "report", run.name, "--out", "page.html"],
        cwd=tmp_path,
        env={**os.environ, **surroundings},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert (tmp_path / "page.html").stat().st_size > 100_000
    assert b"Traceback" not in done.stderr


def test_a_reader_that_ends_costs_nothing(tmp_path):
    script = (
        "import sys; from xinc_lightning.cli.main import main; main(['configs'])\n"
        "for _ in range(20000): print('x' * 80)\n"
        "open('done', 'w').close(); print('still here', file=sys.stderr)"
    )
    command = f'{sys.executable} -c "$SCRIPT" | head -n 1'
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env={"SCRIPT": script, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "still here\n")
    assert len(done.stdout.splitlines()) == 1
    assert (tmp_path / "done").exists()
