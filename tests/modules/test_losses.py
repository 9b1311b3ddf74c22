"""Losses by name."""

import pytest
import torch

from xinc_lightning.modules.losses import loss_function

TRUTH = torch.zeros(2, 3, 16, 16)
PREDICTION = torch.stack([torch.full((3, 16, 16), 0.5), torch.full((3, 16, 16), 0.2)])


def test_l2_and_l1_by_hand():
    torch.testing.assert_close(loss_function("l2")(PREDICTION, TRUTH), torch.tensor([0.25, 0.04]))
    torch.testing.assert_close(loss_function("l1")(PREDICTION, TRUTH), torch.tensor([0.5, 0.2]))


def test_mix_of_l1_and_ssim():
    torch.manual_seed(0)
    frames = torch.rand(2, 3, 32, 32)
    loss = loss_function("l1+ssim")
    torch.testing.assert_close(loss(frames, frames), torch.zeros(2), atol=1e-5, rtol=0)
    # constant pictures: SSIM = C1 / (m² + C1) with C1 = 0.01²
    expected = torch.tensor([0.7 * m + 0.3 * (1 - 1e-4 / (m * m + 1e-4)) for m in (0.5, 0.2)])
    torch.testing.assert_close(loss(PREDICTION, TRUTH), expected, atol=1e-4, rtol=0)


def test_unknown_loss_names_the_known():
    with pytest.raises(ValueError, match=r"loss must be one of l2, l1, l1\+ssim, got 'l3'"):
        loss_function("l3")
