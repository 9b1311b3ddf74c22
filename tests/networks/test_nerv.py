"""NeRV."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from xinc_lightning.networks import NeRV


def test_released_weights_give_the_released_output(golden, golden_nerv):
    maps = np.load(golden / "nerv_tiny_maps.npz")
    output = golden_nerv(torch.from_numpy(maps["t"])).detach()[0]
    np.testing.assert_allclose(output, maps["head_preactivation"].reshape(3, 16, 32), atol=1e-6)


def test_released_weights_give_the_released_frames_at_every_time_of_a_clip(golden):
    nerv = NeRV.from_released(load_file(golden / "nerv_tiny.safetensors"), 16, 32, output="identity")
    theirs = np.load(golden / "nerv_time64.npz")
    np.testing.assert_allclose(nerv(torch.from_numpy(theirs["t"])).detach(), theirs["frames"], atol=1e-6)


def test_tanh_output_is_shifted_into_the_unit_range():
    torch.manual_seed(0)
    nerv = NeRV(16, 32, channels=6)
    times = torch.rand(2)
    shifted = nerv(times)
    nerv.output = "identity"
    torch.testing.assert_close(shifted, (torch.tanh(nerv(times)) + 1) / 2)


def test_memory_layout_does_not_change_the_frames():
    torch.manual_seed(0)
    nerv = NeRV(16, 32, channels=8).double()
    times = torch.rand(2, dtype=torch.float64)
    before = nerv(times)
    torch.testing.assert_close(nerv.to(memory_format=torch.channels_last)(times), before)


@pytest.mark.parametrize("strides", [(4, 2, 2), (5, 3), (2,), (3, 1, 2)])
def test_any_strides_that_divide(strides):
    total = int(np.prod(strides))
    assert NeRV(2 * total, 3 * total, 8, strides)(torch.rand(1)).shape == (1, 3, 2 * total, 3 * total)
