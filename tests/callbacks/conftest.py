"""Callbacks at work without a trainer: a module of random weights, a clip in memory, a real sink."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningDataModule

from xinc_lightning.callbacks import AnalysisCallback, AnalysisContext, Sink
from xinc_lightning.callbacks.base.isolation import undisturbed
from xinc_lightning.callbacks.base.naming import names_of
from xinc_lightning.data import ClipLoader, PanopticClip, Segment
from xinc_lightning.modules import FFNModule, HNeRVModule, INRModule, NeRVModule, SIRENModule


def toy_clip(frames=3, masks=True):
    """Random frames of 16×32 with sky above and grass below."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(16, 32, dtype=torch.long)
    mask[10:] = 2
    segments = (Segment(1, "sky", "sky", False), Segment(2, "grass", "grass", False))
    pictures = torch.rand(frames, 3, 16, 32, generator=generator)
    return PanopticClip("toy", pictures, segments if masks else (), (mask,) * frames if masks else ())


@pytest.fixture(autouse=True)
def _undrawn(request):
    """How figures are drawn is tested in tests/figures; here only what is marked ``drawn`` draws them."""
    if "drawn" not in request.keywords:
        request.getfixturevalue("undrawn")


@pytest.fixture
def clip_of():
    """Make a :func:`toy_clip`."""
    return toy_clip


class Data(LightningDataModule):
    """A clip in memory, two frames a step."""

    def __init__(self, clip):
        super().__init__()
        self.clip = clip

    def train_dataloader(self):
        return ClipLoader(self.clip.frames, 2, shuffle=True)

    def val_dataloader(self):
        return ClipLoader(self.clip.frames, 2, shuffle=False)

    test_dataloader = val_dataloader


@pytest.fixture
def data_of():
    """Make a :class:`Data` of a clip."""
    return Data


@pytest.fixture(params=[NeRVModule, FFNModule, SIRENModule, HNeRVModule])
def toy_module(request):
    """A module whose network is built for the toy clip."""
    module = request.param(target_bpp=600)
    module.size_for(3, 16, 32)
    return module.eval()


@pytest.fixture
def analysed(tmp_path):
    """Run callbacks on a module and a clip; returns files by name, and the scalars."""

    def run(module, clip, *callbacks):
        context = AnalysisContext(module, clip, 7, [callback.needs(clip) for callback in callbacks])
        folder = tmp_path / "epoch=0007"
        with torch.no_grad(), Sink(folder, [], 7, 70) as sink:
            for number, (callback, label) in enumerate(names_of(callbacks).items()):
                with sink.analysis(f"{type(callback).__name__} {number}", label, callback.options):
                    callback.analyse(context, sink)
        files = {str(path.relative_to(folder)): path for path in folder.rglob("*.*")}
        arrays = {name: dict(np.load(path)) for name, path in files.items() if name.endswith(".npz")}
        return {**files, **arrays}, json.loads((folder / "scalars.json").read_text())["scalars"]

    return run


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
def results_of(tmp_path) -> Callable[..., Path]:
    """Runs an analysis as a checkpoint would; returns the folder of its results."""

    def run(callback: AnalysisCallback, module: INRModule, clip: PanopticClip, epoch: int = 10) -> Path:
        folder = tmp_path / "analyses" / f"epoch={epoch:04d}"
        with undisturbed(module), Sink(folder, [], epoch, 0) as sink:
            callback.analyse(AnalysisContext(module, clip, epoch, [callback.needs(clip)]), sink)
        return folder

    return run
