"""Weights beside analyses: bit for bit what was kept, or refused in half a sentence."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from xinc_lightning.runs.checkpoint_file import CheckpointError, read_checkpoint
from xinc_lightning.runs.untrusted import UnreadableError
from xinc_lightning.runs.weights_file import parse_weights, weights_bytes

ABOUT = {"module": "NeRVModule", "hyper_parameters": {"strides": [4, 2]}, "trained_epochs": 3}
STATE = {
    "network.weight": torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0)),
    "network.basis": torch.arange(5, dtype=torch.float64),
    "network.count": torch.tensor(7),
    "network.none": torch.zeros(0),
}
CONTENT = weights_bytes(STATE, ABOUT)


def test_what_is_kept_is_read_bit_for_bit():
    read = parse_weights(CONTENT)
    state = read.pop("state_dict")
    assert read == ABOUT
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)
    assert all(state[name].dtype == STATE[name].dtype for name in STATE)


def test_memory_formats_do_not_matter():
    changed = {**STATE, "network.weight": STATE["network.weight"].to(memory_format=torch.channels_last)}
    assert weights_bytes(changed, ABOUT) == CONTENT


def test_equal_networks_have_equal_files():
    assert all(weights_bytes(STATE, ABOUT) == CONTENT for _ in range(20))


def test_other_tools_open_it():
    assert load(CONTENT).keys() == STATE.keys()


def test_reading_it_as_a_checkpoint_gives_the_same(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(CONTENT)
    assert read_checkpoint(path)["trained_epochs"] == 3


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_flipped_byte_is_noticed(place, by):
    damaged = bytearray(CONTENT)
    damaged[place] ^= by
    with pytest.raises(UnreadableError):
        parse_weights(bytes(damaged))


@given(st.integers(0, len(CONTENT) - 1))
@settings(max_examples=30, deadline=None)
def test_a_cut_file_is_refused(length):
    with pytest.raises(UnreadableError):
        parse_weights(CONTENT[:length])


@pytest.mark.parametrize(
    "metadata", [None, {"xinc": "{}"}, {"xinc": json.dumps({"about": "{}", "sha256": "0"})}]
)
def test_weights_of_others_are_refused(metadata):
    with pytest.raises(UnreadableError, match=r"not written by xinc_lightning|damaged"):
        parse_weights(save(STATE, metadata))


def test_hyperparameters_that_would_run_code_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(weights_bytes(STATE, {**ABOUT, "hyper_parameters": {"_class_path": "os.system"}}))
    with pytest.raises(CheckpointError, match="it names what is to be called"):
        read_checkpoint(path)


def test_what_is_no_plain_value_is_not_kept():
    with pytest.raises(TypeError):
        weights_bytes(STATE, {**ABOUT, "hyper_parameters": {"a": torch.zeros(1)}})
