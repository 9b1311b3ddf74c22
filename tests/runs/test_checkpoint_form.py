"""A checkpoint of another version, or anybody's, is refused by the first part that is not as it should be."""

import pytest
import torch

from xinc_lightning.runs.checkpoint_form import cannot_resume, malformed, unlike

SOUND = {
    "state_dict": {"network.weight": torch.zeros(2)},
    "hyper_parameters": {"clip_shape": [3, 16, 32], "learning_rate": 0.1},
    "module": "NeRVModule",
    "trained_epochs": 3,
    "epoch": 3,
    "global_step": 9,
    "pytorch-lightning_version": "2.6.1.dev0",
    "loops": {"fit_loop": {}},
    "callbacks": {"Checkpoints": {"best": {}}},
    "optimizer_states": [{"state": {}}],
    "lr_schedulers": [{"last_epoch": 3}],
    "clip": {"name": "a", "indices": [0], "colours": [[0.1, 0.2, 0.3]]},
    "loggers": {"MetricsFile": {}},
    "analysed": {"Maps": None, "Variance": 3},
    "somebody's": object(),
}


def test_a_sound_one_is_accepted():
    assert malformed(SOUND) == ""
    assert cannot_resume(SOUND) == ""


@pytest.mark.parametrize(
    "name", [name for name in SOUND if name not in ("somebody's", "state_dict", "hyper_parameters")]
)
@pytest.mark.parametrize("value", [1.5, "x", [1], {3: 4}, True, -1], ids=str)
def test_parts_of_another_kind_are_named(name, value):
    if (name, value) in [("module", "x")]:
        return
    assert malformed({**SOUND, name: value}).startswith(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state_dict", {"network.weight": "x"}),
        ("state_dict", [torch.zeros(2)]),
        ("hyper_parameters", [1]),
        ("hyper_parameters", {"clip_shape": "x"}),
        ("clip", {"name": "a", "indices": [], "colours": []}),
        ("trained_epochs", 10**40),
    ],
)
def test_wrong_contents_are_named(name, value):
    assert malformed({**SOUND, name: value}).startswith(name)


def test_keys_that_are_no_text():
    assert malformed({**SOUND, 3: 4}) == "it has keys that are no text"


@pytest.mark.parametrize("name", ["state_dict", "hyper_parameters", "module", "trained_epochs"])
def test_missing_parts_are_named(name):
    assert malformed({key: value for key, value in SOUND.items() if key != name}) == f"{name}: Field required"


@pytest.mark.parametrize("name", ["optimizer_states", "lr_schedulers", "loops"])
def test_without_them_nothing_is_resumed(name):
    assert cannot_resume({key: value for key, value in SOUND.items() if key != name}) == name


def test_a_network_may_have_no_schedule_but_not_no_optimiser():
    assert cannot_resume({**SOUND, "lr_schedulers": []}) == ""
    assert cannot_resume({**SOUND, "optimizer_states": []}) == "optimizer_states"


@pytest.mark.parametrize(
    ("stored", "difference"),
    [
        ({"a": torch.ones(2), "b": torch.ones(1)}, ""),
        ({"a": torch.ones(2)}, "it has no b"),
        ({"a": torch.ones(2), "b": torch.ones(1, 1)}, "b has the shape [1, 1], not [1]"),
        ({"a": torch.ones(2), "b": torch.ones(1), "c": torch.ones(1)}, "it has c, which the network lacks"),
    ],
)
def test_weights_of_another_network(stored, difference):
    assert unlike(stored, {"a": torch.zeros(2), "b": torch.zeros(1)}) == difference
