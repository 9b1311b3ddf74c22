"""Shape checks for every jaxtyping signature, and the golden arrays."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Not the kernels: numba compiles plain functions only.
install_import_hook(
    [
        f"xinc_lightning.canvas.{module}"
        for module in ("conv", "linear", "statistics", "streams", "sweep", "trace")
    ],
    "beartype.beartype",
)

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def golden() -> Path:
    """Arrays computed by the authors' released code from our own random weights."""
    return REPOSITORY / "tests" / "golden"


@pytest.fixture(scope="session")
def shared_golden() -> Path:
    """Arrays computed by the authors' released code from their weights, which may not be committed."""
    shared = Path(os.environ.get("XINC_SHARED", REPOSITORY.parent / "shared")) / "data" / "golden"
    if not shared.is_dir():
        pytest.skip(f"no {shared}: the authors' own weights are not part of this repository")
    return shared
