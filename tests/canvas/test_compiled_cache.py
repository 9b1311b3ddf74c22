"""Numba's cache, damaged in every file."""

import subprocess
import sys

PROGRAM = """
from xinc_lightning.canvas.compiled_cache import forgive_damaged_files
forgive_damaged_files()
from numba import njit

@njit(cache=True)
def twice(x):
    return 2 * x

print(twice(21), sum(twice.stats.cache_hits.values()), sum(twice.stats.cache_misses.values()))
"""


def test_a_damaged_cache_is_compiled_again_and_then_used(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    def run():
        done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert run() == ["42", "0", "1"]
    assert run() == ["42", "1", "0"]
    files = [*tmp_path.rglob("*.nb[ic]")]
    assert len(files) == 2
    for suffix, damage in ((".nbi", b"garbage"), (".nbc", b""), (".nbc", b"\x80\x04K\x01.")):
        next(path for path in files if path.suffix == suffix).write_bytes(damage)
        assert run() == ["42", "0", "1"]
    assert run() == ["42", "1", "0"]
