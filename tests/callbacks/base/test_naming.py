"""Names of several analyses of one class."""

import pytest

from xinc_lightning.callbacks import GroupingVariance, PixelsPerNeuron
from xinc_lightning.callbacks.base.naming import names_of


def test_what_differs_is_the_name_and_the_cadence_only_where_it_has_to_be():
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


def test_those_that_differ_in_nothing_are_refused():
    with pytest.raises(ValueError, match="two GroupingVariance have the same options"):
        names_of([GroupingVariance(), PixelsPerNeuron(), GroupingVariance(strict=True)])
