"""Networks from kept weights: the same picture, or a refusal; never larger than the file."""

import pytest
import torch

from xinc_lightning.modules import FFNModule, HNeRVModule, NeRVModule, SIRENModule
from xinc_lightning.runs.weights_file import weights_bytes
from xinc_lightning.server.networks import NetworkError, load_network


def about(network, **more):
    facts = {"module": type(network).__name__, "hyper_parameters": dict(network.hparams), "trained_epochs": 5}
    return {**facts, **more}


MODULES = [
    NeRVModule(target_parameters=9_000, strides=[2, 2], clip_shape=[3, 16, 32]),
    FFNModule(target_parameters=400, clip_shape=[3, 8, 16]),
    SIRENModule(target_parameters=400, omega_0=20.0, clip_shape=[3, 8, 16]),
    HNeRVModule(target_parameters=30_000, clip_shape=[3, 16, 32]),
]


@pytest.mark.parametrize("module", MODULES)
def test_the_picture_is_the_same(module):
    state = torch.random.get_rng_state()
    network = load_network(weights_bytes(module.state_dict(), about(module)))
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.testing.assert_close(network.picture(2), module.eval().reconstruct([2])[0], rtol=1e-4, atol=1e-5)
    assert network.module.trained_epochs == 5


@pytest.mark.parametrize(
    "change",
    [
        {"module": "os.system"},
        {"module": "INRModule"},
        {"hyper_parameters": {**MODULES[0].hparams, "clip_shape": [3, 10**9, 10**9]}},
        {"hyper_parameters": {**MODULES[0].hparams, "clip_shape": [3, 16]}},
        {"hyper_parameters": {**MODULES[0].hparams, "target_parameters": 10**12}},
        {"hyper_parameters": {**MODULES[0].hparams, "strides": "x"}},
        {"hyper_parameters": []},
        {"canvas": {"neuron": 1, "more": 2}},
    ],
)
def test_what_is_no_network_of_ours_is_refused(change):
    with pytest.raises(NetworkError):
        load_network(weights_bytes(MODULES[0].state_dict(), about(MODULES[0], **change)))
