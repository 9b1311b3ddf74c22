import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from xinc_lightning.data.errors import DataError
from xinc_lightning.data.masks import Page, distinct_ids, mask_size, read_ids, read_wide_ids

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


MASK = np.repeat(np.array([[0, 1, 2], [3, 4, 255]], np.uint8), 16, axis=0).repeat(16, axis=1)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a.jpg", {}, "JPEG, lossy"),
        ("a.webp", {"quality": 90}, "WEBP, lossy"),
        ("a.avif", {}, "AVIF, lossy"),
        ("a.jp2", {}, "JPEG2000, lossy"),
        ("a.tif", {"compression": "jpeg"}, "a TIFF with jpeg inside"),
    ],
)
def test_lossy_masks_are_refused(tmp_path, name, options, said):
    Image.fromarray(np.stack([MASK] * 3, 2)).save(tmp_path / name, **options)
    with pytest.raises(
        DataError, match=f"mask '.*{name}' is {said}: .* not those .* drawn; save masks as PNG"
    ):
        read_ids(tmp_path / name)


def test_a_lossy_mask_in_an_animation_or_with_transparency_is_refused(tmp_path):
    picture = Image.fromarray(np.dstack([MASK] * 4))
    picture.save(tmp_path / "alpha.webp", quality=80)
    other = Image.fromarray(np.dstack([MASK // 2] * 3))
    Image.fromarray(np.dstack([MASK] * 3)).save(
        tmp_path / "moving.webp", save_all=True, append_images=[other], quality=80
    )
    for source in (tmp_path / "alpha.webp", Page(tmp_path / "moving.webp", 1)):
        with pytest.raises(DataError, match="is WEBP, lossy"):
            read_ids(source)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.webp", {"lossless": True}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.bmp", {}),
        ("a.pgm", {}),
    ],
)
def test_lossless_masks_are_read(tmp_path, name, options):
    image = Image.fromarray(np.dstack([MASK] * 3) if name == "a.webp" else MASK)
    image.save(tmp_path / name, **options)
    np.testing.assert_array_equal(
        read_ids(tmp_path / name), MASK.astype(int) * (65793 if name == "a.webp" else 1)
    )


def test_pages(tmp_path):
    pages = [Image.fromarray(MASK // (k + 1)) for k in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    for k in range(3):
        np.testing.assert_array_equal(read_ids(Page(tmp_path / "a.tif", k)), MASK // (k + 1))
    assert mask_size(Page(tmp_path / "a.tif", 2)) == (32, 48)
    assert str(Page(tmp_path / "a.tif", 2)) == f"{tmp_path / 'a.tif'}, page 2"
    with pytest.raises(DataError, match=r"a\.tif' has 3 frames where one is due"):
        read_ids(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_masks_come_out_upright(tmp_path, name):
    exif = Image.Exif()
    exif[0x112] = 8
    Image.fromarray(MASK).save(tmp_path / name, exif=exif)
    np.testing.assert_array_equal(read_ids(tmp_path / name), np.rot90(MASK))
    assert mask_size(tmp_path / name) == (48, 32)
