"""Bits by tensor within a loss."""

import pytest
import torch

from xinc_lightning.data import PanopticClip
from xinc_lightning.errors import UserError
from xinc_lightning.modules import NeRVModule
from xinc_lightning.modules.bit_allocation import smallest_within
from xinc_lightning.modules.clip_file import encode_clip, facts_of
from xinc_lightning.modules.quality import psnr


@pytest.fixture
def trained():
    """A network whose blocks are large and whose picture depends on its stem, and what it nearly renders."""
    module = NeRVModule(target_parameters=12_000, clip_shape=[2, 16, 32]).eval()
    with torch.no_grad():
        for parameter in module.network.parameters():
            parameter *= 3
        frames = module.reconstruct()
    return module, PanopticClip("own", (frames + 0.05 * torch.randn_like(frames)).clamp(0, 1))


@pytest.mark.parametrize("max_loss", [0.02, 0.5])
def test_loss_is_kept_and_the_file_is_no_larger_than_with_one_number_of_bits(trained, max_loss):
    module, clip = trained
    with torch.no_grad():
        whole = psnr(module.reconstruct(), clip.frames)
    bits = smallest_within(module, clip.frames, max_loss)
    content, frames = encode_clip(module, facts_of(clip), bits)
    assert whole - psnr(frames, clip.frames) <= max_loss + 1e-4
    uniform = []
    for number in range(2, 13):
        other, decoded = encode_clip(module, facts_of(clip), number)
        if whole - psnr(decoded, clip.frames) <= max_loss:
            uniform.append(len(other))
    assert len(content) <= min(uniform) * 1.02


def test_network_is_left_as_it_was(trained):
    module, clip = trained
    before = {name: p.clone() for name, p in module.network.named_parameters()}
    smallest_within(module, clip.frames, 0.1)
    assert all(torch.equal(before[name], p) for name, p in module.network.named_parameters())


@pytest.mark.parametrize("max_loss", [0, -1, float("nan")])
def test_losses_that_are_none_are_refused(trained, max_loss):
    module, clip = trained
    with pytest.raises(UserError, match="max-loss is a number of dB above 0"):
        smallest_within(module, clip.frames, max_loss)
