"""Embeddings: kinds apart, the same every time, comparable from checkpoint to checkpoint, for any number."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinc_lightning.analyses.embedding import FEWEST, align, embed, embed_like, principal_components


@pytest.fixture(scope="module")
def kinds():
    random = np.random.default_rng(0)
    vectors = np.repeat(np.eye(3, 8), 30, axis=0) + 0.05 * random.random((90, 8))
    return vectors.astype(np.float32), np.repeat(np.arange(3), 30)


def nearest_is_of_the_same_kind(positions, kind):
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    np.fill_diagonal(distances, np.inf)
    return (kind[distances.argmin(1)] == kind).mean()


def test_groups_are_separated_reproducibly(kinds):
    vectors, kind = kinds
    positions = embed(vectors, 5)
    assert nearest_is_of_the_same_kind(positions, kind) == 1
    np.testing.assert_array_equal(embed(vectors, 5), positions)


@pytest.mark.parametrize("count", range(9))
def test_any_number_of_neurons(count):
    vectors = np.random.default_rng(1).random((count, 4)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter(
            "ignore", ImportWarning
        )  # umap's when first imported, which Python shows nobody
        positions = embed(vectors, 150)
    assert positions.shape == (count, 2)
    assert np.isfinite(positions).all()


def test_equal_neurons():
    positions = embed(np.ones((12, 4), np.float32), 5)
    assert np.isfinite(positions).all()


def test_principal_components_keep_distances_in_a_plane():
    points = np.array([[0, 0, 1], [3, 0, 1], [0, 4, 1]], dtype=np.float32)
    found = principal_components(points)
    np.testing.assert_allclose(np.linalg.norm(found[1] - found[2]), 5, rtol=1e-6)


@given(st.floats(0, 6.3), st.booleans(), st.tuples(st.floats(-9, 9), st.floats(-9, 9)), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_any_rotation_reflection_scale_and_shift_is_undone(angle, mirror, shift, seed):
    targets = np.random.default_rng(seed).random((7, 2))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = 2.5 * targets @ turn * [1, -1 if mirror else 1] + shift
    np.testing.assert_allclose(align(moved, moved[:4], targets[:4]), targets, atol=1e-9)


def test_positions_follow_the_previous_embedding(kinds):
    vectors, kind = kinds
    # An earlier embedding that looks in another direction than a new one would.
    earlier = embed(vectors, 5) @ np.array([[0.0, 1], [1, 0]]) + 20
    kept = np.arange(5, 90)
    changed = vectors + 0.01 * np.random.default_rng(2).random(vectors.shape).astype(np.float32)
    later = embed_like(changed, np.arange(90), 5, 42, kept, earlier[kept])
    spread = np.linalg.norm(earlier - earlier.mean(0), axis=1).mean()
    assert np.linalg.norm(later - earlier, axis=1)[kept].mean() < 0.5 * spread
    assert np.linalg.norm(embed(changed, 5) - earlier, axis=1).mean() > 2 * spread
    # Neurons that were not there before join their kind.
    assert nearest_is_of_the_same_kind(later, kind) == 1
    np.testing.assert_array_equal(later, embed_like(changed, np.arange(90), 5, 42, kept, earlier[kept]))


def test_embedding_without_shared_neurons_starts_from_scratch(kinds):
    vectors, _ = kinds
    anew = embed_like(vectors, np.arange(90), 5, 42, np.arange(100, 100 + FEWEST), np.zeros((FEWEST, 2)))
    np.testing.assert_array_equal(anew, embed(vectors, 5))
