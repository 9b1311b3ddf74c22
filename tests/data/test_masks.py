import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from xinc_lightning.data.masks import distinct_ids, read_ids, read_wide_ids

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
sizes = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)


@given(
    ids=arrays(
        np.int64, sizes, elements=st.integers(0, 2**24 - 1) | st.sampled_from([255, 256, 65535, 65536])
    )
)
@quick
def test_colour_ids_do_not_overflow(tmp_path, ids):
    red, green, blue = ids & 255, (ids >> 8) & 255, ids >> 16
    Image.fromarray(np.stack([red, green, blue], axis=2).astype(np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), ids)


@given(ids=arrays(np.uint16, sizes))
@quick
def test_wide_ids(tmp_path, ids):
    Image.fromarray(ids).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), ids)
    np.testing.assert_array_equal(read_wide_ids(tmp_path / "a.png"), ids)


def test_alpha_of_a_mask_is_ignored(tmp_path):
    Image.fromarray(np.array([[[1, 2, 3, 255]]], np.uint8)).save(tmp_path / "a.png")
    assert read_ids(tmp_path / "a.png").item() == 1 + 256 * 2 + 65536 * 3


@given(ids=arrays(np.int64, sizes, elements=st.integers(0, 5)))
@quick
def test_distinct_ids(ids):
    assert distinct_ids(ids) == set(ids.ravel().tolist())
