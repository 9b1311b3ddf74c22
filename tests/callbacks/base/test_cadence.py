"""Rhythms: which epochs are due, and which options are refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.callbacks import PixelsPerNeuron
from xinc_lightning.callbacks.base.cadence import Cadence, log_spaced


def due(cadence, last=12, saved=()):
    return [epoch for epoch in range(last + 1) if cadence.due(epoch, last, epoch in saved)]


def test_each_schedule():
    assert due(Cadence(every_n_epochs=5)) == [5, 10]
    assert due(Cadence(epochs=[0, 7, 3])) == [0, 3, 7]
    assert due(Cadence(log_spaced=4)) == [1, 2, 5, 12]
    assert due(Cadence(at_checkpoints=True), saved=(4, 9)) == [4, 9]
    assert due(Cadence(), last=250) == [100, 200], "the default"
    assert not Cadence(log_spaced=4).due(1, None), "without an end there is nothing to space"


@given(st.integers(0, 5000), st.integers(1, 60))
def test_log_spaced_epochs_grow_by_one_factor(last, count):
    epochs = log_spaced(last, count)
    assert len(epochs) == min(count, last)
    assert epochs == sorted(set(epochs))
    if epochs:
        assert epochs[-1] == last
        assert epochs[0] == 1 or count == 1
    steps = [b - a for a, b in pairwise(epochs)]
    assert all(b >= a - 1 for a, b in pairwise(steps)), "steps grow, but for rounding"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"every_n_epochs": 5, "epochs": [1]},
            r"every_n_epochs=5, epochs=\[1\]: give at most one of every_n_epochs, epochs, log_spaced and "
            "at_checkpoints",
        ),
        ({"log_spaced": 5, "at_checkpoints": True}, "log_spaced=5, at_checkpoints=True: give at most one"),
        ({"every_n_epochs": 0}, "every_n_epochs must be at least 1, got 0"),
        ({"log_spaced": 0}, "log_spaced must be at least 1, got 0"),
        ({"epochs": []}, r"epochs must be a list of .*, got \[\]"),
        ({"epochs": [3, -1]}, r"epochs must be a list of .*, got \[3, -1\]"),
    ],
)
def test_invalid_schedules_of_an_analysis_are_rejected(options, message):
    with pytest.raises(ValueError, match=message):
        PixelsPerNeuron(**options)


def test_state_key_depends_on_the_schedule():
    keys = [
        PixelsPerNeuron(**o).state_key for o in ({}, {"every_n_epochs": 5}, {"epochs": [5]}, {"frame": 1})
    ]
    assert len({*keys}) == 4
    assert PixelsPerNeuron(strict=True).state_key == PixelsPerNeuron().state_key
