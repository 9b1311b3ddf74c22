"""Tiny networks to prune."""

import pytest
import torch

from xinc_lightning.modules import FFNModule, NeRVModule


@pytest.fixture
def nerv():
    return NeRVModule(target_parameters=12_000, clip_shape=[3, 16, 32]).eval()


@pytest.fixture
def ffn():
    """Two frames' networks, which differ."""
    module = FFNModule(target_parameters=400, clip_shape=[2, 16, 32]).eval()
    with torch.no_grad():
        for parameter in module.network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return module
