"""What a NeRV's checkpoint remembers: how it encodes time."""

import shutil
from pathlib import Path

import pytest
import torch

from xinc_lightning.data import PanopticClip
from xinc_lightning.modules import NeRVModule
from xinc_lightning.runs.checkpoint_file import read_checkpoint

OF_0_1 = Path(__file__).parents[1] / "fixtures/run_of_0_1/checkpoints/last.ckpt"


@pytest.mark.parametrize(("before", "precision"), [(True, torch.float32), (False, torch.float64)])
def test_checkpoint_renders_the_same_frames_as_before(before, precision, tmp_path, save_checkpoint):
    """Also when it is saved once more; one of version 0.1 says nothing of its encoding, which was float32."""
    clip = PanopticClip("toy", torch.rand(3, 3, 16, 32))
    if before:
        path = Path(shutil.copy(OF_0_1, tmp_path / "first.ckpt"))
        assert "encoding_version" not in read_checkpoint(path)["hyper_parameters"]
    else:
        path = save_checkpoint(
            NeRVModule(target_parameters=12_000, clip_shape=[3, 16, 32]), clip, tmp_path / "first.ckpt"
        )
    module = NeRVModule.load_from_checkpoint(path)
    again = NeRVModule.load_from_checkpoint(save_checkpoint(module, clip, tmp_path / "again.ckpt"))
    assert module.network.encoding.precision == again.network.encoding.precision == precision
    assert torch.equal(module.reconstruct(), again.reconstruct())
    # and the canvas is of the same network at the same time
    network, time = module.canvas_inputs(2)
    assert torch.equal(network(time), module.reconstruct([2]))


def test_frames_of_a_module_are_at_the_exact_times():
    module = NeRVModule(target_parameters=12_000, clip_shape=[30, 16, 32])
    exact = module.network(torch.arange(30, dtype=torch.float64) / 30)
    torch.testing.assert_close(module.reconstruct(), exact, atol=1e-6, rtol=0)
