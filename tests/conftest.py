"""Fixtures that several packages' tests share, and shape checks for every jaxtyping signature."""

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from jaxtyping import install_import_hook

# Not the kernels: numba compiles plain functions only.
install_import_hook(
    [
        f"xinc_lightning.canvas.{module}"
        for module in ("conv", "linear", "statistics", "streams", "sweep", "trace")
    ],
    "beartype.beartype",
)
install_import_hook("xinc_lightning.analyses", "beartype.beartype")

from xinc_lightning.canvas import Canvas, LayerCanvas  # noqa: E402  (after the import hook)
from xinc_lightning.networks import LinearLayer  # noqa: E402

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def golden() -> Path:
    """Arrays computed by the authors' released code from our own random weights."""
    return ROOT / "tests" / "golden"


@pytest.fixture(scope="session")
def shared_golden() -> Path:
    """Arrays computed by the authors' released code from their weights, which may not be committed."""
    folder = Path(os.environ.get("XINC_SHARED", ROOT.parent / "shared")) / "data" / "golden"
    if not folder.is_dir():
        pytest.skip("the authors' own weights may not be committed and are not beside this repository")
    return folder


@pytest.fixture
def tiny_clip(tmp_path) -> Path:
    """A folder of six 16×32 pictures: a disc moving over a gradient."""
    folder = tmp_path / "tiny clip"
    folder.mkdir()
    ramp = np.linspace(0, 200, 32, dtype=np.uint8)
    for i in range(6):
        picture = np.stack(
            [np.broadcast_to(ramp, (16, 32)), np.full((16, 32), 90), np.full((16, 32), 40)], -1
        )
        picture = cv2.circle(np.ascontiguousarray(picture, np.uint8), (6 + 4 * i, 8), 4, (230, 30, 200), -1)
        cv2.imwrite(str(folder / f"{i:05d}.png"), picture)
    return folder


@pytest.fixture(scope="session")
def painted():
    """A layer that paints given maps [neurons, height, width], one a neuron, traced by the real canvas."""

    def paint(maps: torch.Tensor) -> LayerCanvas:
        linear = torch.nn.Linear(len(maps), 1, bias=False)
        torch.nn.init.ones_(linear.weight)
        canvas = Canvas(linear, [LinearLayer("toy", linear, None)])
        return canvas.at(maps.permute(1, 2, 0).float())["toy"]

    return paint


@pytest.fixture(autouse=True)
def _no_wandb_of_the_developer(monkeypatch, tmp_path):
    """No test logs to anybody's account, and none sees another's run."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    yield
    if "wandb" in sys.modules:
        import wandb

        wandb.finish()


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
