"""Several runs in one embedding."""

import numpy as np
import pytest

from xinc_lightning.analyses import NeuronSet, shared_embedding


def neuron_set(run, vectors, areas=(4, 4)):
    vectors = np.asarray(vectors, dtype=np.float32)
    neurons = np.arange(len(vectors))
    return NeuronSet(run, run, "NeRV", "head", 10, 5, np.array(areas), neurons, vectors)


def test_runs_with_similar_neurons_mix_and_others_do_not():
    random = np.random.default_rng(0)
    same = [neuron_set(run, random.random((60, 2))) for run in "ab"]
    result = shared_embedding(same, ["a", "b"], "head")
    assert result.mixing == pytest.approx(1, abs=0.15)
    assert result.members.tolist() == [0] * 60 + [1] * 60
    apart = shared_embedding([same[0], neuron_set("b", random.random((60, 2)) + 5)], ["a", "b"])
    assert apart.scalars() == {"mixing": 0}
    assert np.linalg.norm(apart.positions[:60].mean(0) - apart.positions[60:].mean(0)) > 1


def test_one_group_has_no_mixing():
    random = np.random.default_rng(0)
    sets = [neuron_set(run, random.random((9, 2))) for run in "ab"]
    result = shared_embedding(sets, ["all", "all"])
    assert result.groups == ("all",)
    assert result.scalars() == {}
    assert result.sets.tolist() == [0] * 9 + [1] * 9


def test_vectors_over_different_clusters_are_rejected():
    sets = [neuron_set("a", np.ones((3, 2))), neuron_set("b", np.ones((3, 2)), areas=(3, 5))]
    with pytest.raises(ValueError, match="a head and b head were analysed with different gabor clusters"):
        shared_embedding(sets, ["a", "b"])
