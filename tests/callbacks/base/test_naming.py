"""Names of several analyses of one class."""

import pytest

from xinc_lightning.callbacks import GroupingVariance, PixelsPerNeuron
from xinc_lightning.callbacks.base.naming import names_of


def test_names_are_of_differing_options_and_of_schedules_only_if_needed():
    analyses = [
        PixelsPerNeuron(every_n_epochs=7),
        GroupingVariance(),
        PixelsPerNeuron(layers=["head", "block1"]),
        GroupingVariance(log_spaced=5),
    ]
    assert [*names_of(analyses).items()] == [
        (analyses[0], ""),
        (analyses[1], ""),
        (analyses[2], "layers=head+block1"),
        (analyses[3], "log_spaced=5"),
    ]


def test_equal_options_are_rejected():
    with pytest.raises(ValueError, match="two GroupingVariance have the same options"):
        names_of([GroupingVariance(), PixelsPerNeuron(), GroupingVariance(strict=True)])
