"""A moment of a tiny network on the known scene."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xinc_lightning.callbacks import AnalysisCallback, Moment, Sink
from xinc_lightning.callbacks.base import undisturbed
from xinc_lightning.data import PanopticClip
from xinc_lightning.modules import FFNModule, INRModule, NeRVModule


@pytest.fixture
def nerv(scene) -> NeRVModule:
    """Untrained, for the scene."""
    return NeRVModule(
        target_parameters=20_000, clip_shape=[len(scene.clip), scene.clip.height, scene.clip.width]
    )


@pytest.fixture
def ffn(scene) -> FFNModule:
    """Untrained, a network for each frame of the scene."""
    return FFNModule(
        target_parameters=1500, clip_shape=[len(scene.clip), scene.clip.height, scene.clip.width]
    )


@pytest.fixture
def analysed(tmp_path) -> Callable[..., Path]:
    """Runs an analysis as a checkpoint would; returns the folder of its results."""

    def run(callback: AnalysisCallback, module: INRModule, clip: PanopticClip, epoch: int = 10) -> Path:
        folder = tmp_path / "analyses" / f"epoch={epoch:04d}"
        with undisturbed(module), Sink(folder, [], epoch, 0) as sink:
            callback.analyse(Moment(module, clip, epoch, [callback.needs(clip)]), sink)
        return folder

    return run
