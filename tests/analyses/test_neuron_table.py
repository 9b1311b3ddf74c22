"""Rows of neurons, joined from what several analyses know."""

import numpy as np
import pytest

from xinc_lightning.analyses.neuron_table import NeuronTable


def test_columns_are_joined_by_layer_and_index():
    table = NeuronTable()
    assert not table
    table.add("head", [3, 1], a=[30, 10])
    table.add("block1", [1], a=[11], b=[True])
    table.add("head", [1, 2], b=[False, True], thumbnail=np.zeros((2, 4, 4), np.uint8))
    assert table.columns == ("a", "b")
    assert list(table.rows()) == [
        ["head", 1, 10, False],
        ["head", 2, None, True],
        ["head", 3, 30, None],
        ["block1", 1, 11, True],
    ]
    assert [row[:2] for row in table.rows("thumbnail")] == [["head", 1], ["head", 2]]
    with pytest.raises(ValueError, match="zip"):
        table.add("head", [1, 2], a=[1])
