"""Frames and masks at their new size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.data import ClipDataModule, DataError
from xinc_lightning.data.resizing import AS_NERV, Resizing


@given(
    height=st.integers(1, 23),
    width=st.integers(1, 23),
    new=st.tuples(st.integers(1, 23), st.integers(1, 23)),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=60)
def test_masks_are_resized_to_the_pixel_at_the_centre(height, width, new, seed):
    ids = torch.from_numpy(np.random.default_rng(seed).integers(0, 2**24, (height, width)))
    resized = AS_NERV.mask(ids, (0, height, 0, width), new)
    assert resized.shape == new
    # nearest-exact is the same rule, but rounds ties by floating point: compare where there is none
    exact = F.interpolate(ids[None, None].double(), new, mode="nearest-exact")[0, 0].long()
    ties = [
        torch.tensor([((2 * i + 1) * old) % (2 * n) == 0 for i in range(n)])
        for old, n in zip(ids.shape, new, strict=True)
    ]
    sure = ~(ties[0][:, None] | ties[1])
    torch.testing.assert_close(resized[sure], exact[sure])


@given(
    height=st.integers(1, 17), width=st.integers(1, 17), new=st.tuples(st.integers(1, 17), st.integers(1, 17))
)
@settings(deadline=None, max_examples=30)
def test_frames_of_any_size_stay_in_range(height, width, new):
    picture = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (height, width, 3), np.uint8) * 255)
    frame = AS_NERV.frame(picture, (0, height, 0, width), new)
    assert frame.shape == (3, *new)
    assert 0 <= frame.min() <= frame.max() <= 1


@pytest.fixture
def picture() -> torch.Tensor:
    """[60, 100, 3] of noise, whose cubic overshoots."""
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8))


def test_frames_of_an_ffn_are_those_of_its_own_loader(picture):
    """Pillow's bilinear resize, which antialiases; it rounds to 8 bits on the way."""
    theirs = np.asarray(Image.fromarray(picture.numpy()).resize((32, 16), Image.Resampling.BILINEAR)) / 255
    ours = Resizing("bilinear", antialias=True).frame(picture, (0, 60, 0, 100), (16, 32))
    assert np.abs(ours.permute(1, 2, 0).numpy() - theirs).max() < 1.5 / 255
    plain = Resizing("bilinear").frame(picture, (0, 60, 0, 100), (16, 32))
    assert np.abs(plain.permute(1, 2, 0).numpy() - theirs).max() > 0.1


def test_the_cubic_s_overshoot_is_kept_on_demand(picture):
    kept = Resizing(clamp=False).frame(picture, (0, 60, 0, 100), (70, 120))
    assert kept.min() < 0
    assert kept.max() > 1
    assert torch.equal(kept.clamp(0, 1), AS_NERV.frame(picture, (0, 60, 0, 100), (70, 120)))


def test_masks_of_the_released_code_take_the_top_left_pixel():
    ids = torch.arange(12 * 18).reshape(12, 18)
    resized = Resizing(mask_pixel="released").mask(ids, (0, 12, 0, 18), (4, 6))
    theirs = F.interpolate(ids[None, None].float(), (4, 6), mode="nearest")[0, 0].long()
    assert torch.equal(resized, theirs)
    assert torch.equal(resized, ids[::3, ::3])
    assert torch.equal(AS_NERV.mask(ids, (0, 12, 0, 18), (4, 6)), ids[1::3, 1::3])


@pytest.mark.parametrize("option", ["interpolation", "mask_pixel"])
def test_unknown_words_name_the_known(option):
    with pytest.raises(DataError, match=f"{option} is 'area'; it must be one of"):
        ClipDataModule(**{option: "area"})


def test_the_options_of_the_data_reach_its_frames(tiny_clip):
    options = {"interpolation": "bilinear", "antialias": True, "mask_pixel": "released", "clamp": False}
    data = ClipDataModule(str(tiny_clip), frames=[0], resize=(8, 12), **options)
    whole = ClipDataModule(str(tiny_clip), frames=[0], resize=None, crop="aspect").clip
    assert data.clip.frames.shape == (1, 3, 8, 12)
    expected = Resizing(**options).frame(
        (whole.frames[0].permute(1, 2, 0) * 255).round().byte(), data.clip.box, (8, 12)
    )
    assert torch.equal(data.clip.frames[0], expected)
