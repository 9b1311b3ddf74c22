"""That no function of MKL's is first called by several threads at once."""

import re
import subprocess
import sys
from pathlib import Path

import torch

from xinc_lightning.networks.vector_math import MKL_FUNCTIONS


def test_all_functions_that_this_torch_hands_to_mkl():
    header = Path(torch.__file__).parent / "include" / "ATen" / "cpu" / "vml.h"
    found = re.findall(r"^IMPLEMENT_VML_MKL\((\w+),", header.read_text(), re.MULTILINE)
    assert set(found) <= set(MKL_FUNCTIONS)


RECORD = """
import torch
from torch.utils._python_dispatch import TorchDispatchMode

calls = {}

class Record(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name in FUNCTIONS and isinstance(args[0], torch.Tensor):
            calls.setdefault((name, args[0].dtype), args[0].numel())
        return function(*args, **(kwargs or {}))

with Record():
    import xinc_lightning.IMPORTED
assert set(calls) == {(n, d) for n in FUNCTIONS for d in (torch.float32, torch.float64)}, calls
assert set(calls.values()) == {1}, calls
"""


def test_importing_calls_each_of_them_on_one_number_first():
    for package in ("networks", "canvas", "modules"):
        script = RECORD.replace("FUNCTIONS", repr(MKL_FUNCTIONS)).replace("IMPORTED", package)
        subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
