"""Fixtures that several packages' tests share."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

ROOT = Path(__file__).parent.parent


@pytest.fixture
def golden_path() -> Callable[[str], Path]:
    """Name → file in tests/golden."""
    return lambda name: ROOT / "tests" / "golden" / name


@pytest.fixture
def golden(golden_path) -> Callable[[str], Mapping[str, np.ndarray]]:
    """Name → arrays of a file in tests/golden."""
    return lambda name: np.load(golden_path(name))


@pytest.fixture
def shared_golden() -> Path:
    """Folder of the golden arrays that may not be committed."""
    folder = Path(os.environ.get("XINC_SHARED", ROOT.parent / "shared")) / "data" / "golden"
    if not folder.is_dir():
        pytest.skip("the released Cityscapes weights may not be committed and are not beside this repository")
    return folder


@pytest.fixture
def tiny_clip(tmp_path) -> Path:
    """A folder of six 16×32 pictures: a disc moving over a gradient."""
    folder = tmp_path / "tiny clip"
    folder.mkdir()
    ramp = np.linspace(0, 200, 32, dtype=np.uint8)
    for i in range(6):
        picture = np.stack([np.broadcast_to(ramp, (16, 32)), np.full((16, 32), 90), np.full((16, 32), 40)], -1)
        picture = cv2.circle(np.ascontiguousarray(picture, np.uint8), (6 + 4 * i, 8), 4, (230, 30, 200), -1)
        cv2.imwrite(str(folder / f"{i:05d}.png"), picture)
    return folder


@pytest.fixture(autouse=True)
def _no_wandb_of_the_developer(monkeypatch, tmp_path):
    """No test logs to anybody's account, and none sees another's run."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    yield
    if "wandb" in __import__("sys").modules:
        import wandb

        wandb.finish()


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
