"""Analyses leave nothing behind in the training."""

import random

import pytest
import torch

from xinc_lightning.callbacks.base.isolation import undisturbed


@pytest.fixture
def state():
    """What a training depends on beside its weights."""
    return lambda: (torch.get_num_threads(), torch.is_grad_enabled(), torch.rand(2).tolist(), random.random())


def test_modes_random_numbers_and_threads_are_as_before(nerv, state):
    nerv.train()
    threads = torch.get_num_threads()

    def after(analysis):
        torch.manual_seed(0)
        random.seed(0)
        analysis()
        return state()

    def analysis():
        with undisturbed(nerv):
            assert not nerv.training
            torch.set_num_threads(threads + 1)  # as numba does when UMAP first runs
            torch.rand(5)
            random.random()

    try:
        assert after(analysis) == after(lambda: None)
        assert nerv.training
    finally:
        torch.set_num_threads(threads)
