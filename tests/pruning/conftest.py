"""Tiny networks to prune."""

import pytest
import torch

from xinc_lightning.modules import FFNModule, HNeRVModule, NeRVModule, SIRENModule


@pytest.fixture
def nerv():
    return NeRVModule(target_parameters=12_000, clip_shape=[3, 16, 32]).eval()


@pytest.fixture
def ffn():
    """Two frames' networks, which differ."""
    return different(FFNModule(target_parameters=400, clip_shape=[2, 16, 32]))


@pytest.fixture
def siren():
    """Likewise; larger changes of its weights would make rounding errors large, by ω₀ in each layer."""
    return different(SIRENModule(target_parameters=400, clip_shape=[2, 16, 32]), 0.01)


@pytest.fixture
def hnerv():
    """Two frames with an embedding each."""
    return different(HNeRVModule(target_parameters=30_000, clip_shape=[2, 16, 32]))


def different(module, scale=0.1):
    """The module with other weights and embeddings in each of its frames' networks."""
    with torch.no_grad():
        for parameter in module.network.parameters():
            parameter += scale * torch.randn_like(parameter)
    return module.eval()
