"""A run that is killed loses nothing but time; ``scripts/kill_test.py`` does the killing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def survive(kills, *folders):
    command = [sys.executable, str(ROOT / "scripts" / "kill_test.py"), "--kills", str(kills)]
    command += [f"--folder={folder}" for folder in folders]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert len(lines) == len(folders)
    assert all("the result is that of the undisturbed run, bit for bit" in line for line in lines)


def test_run_survives_two_kills(tmp_path):
    survive(2, tmp_path)


@pytest.mark.slow
def test_run_survives_fifty_kills_on_two_file_systems(tmp_path):
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no second file system")
    survive(50, tmp_path, "/dev/shm")
