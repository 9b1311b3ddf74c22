"""What is printed, wherever it goes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


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
