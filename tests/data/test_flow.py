import struct

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut

from xinc_lightning.data import ClipFiles, DataError, PanopticClip, load_clip, open_clip, optical_flow
from xinc_lightning.data.flow import dense_flow, read_flow
from xinc_lightning.data.image_files import ImageFiles

TEXTURE = astronaut()[60:320, 60:460]


def shifted(right, down, height=240, width=360):
    """A window on a real texture before and after its content moves."""
    return [TEXTURE[10 - down * t :, 20 - right * t :][:height, :width] for t in (0, 1)]


@pytest.fixture
def moving(tmp_path, save_image):
    """Four frames of 240×360 moving 3 right and 2 down each."""
    for t in range(4):
        save_image(tmp_path / "frames" / f"{t}.png", TEXTURE[10 - 2 * t :, 20 - 3 * t :][:240, :360])
    return tmp_path / "frames"


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, 3), (-3, 0), (2, -2), (0, 0)])
def test_dense_flow_measures_a_shift(right, down):
    flow = dense_flow(*shifted(right, down))
    inner = flow[20:-20, 20:-20]
    np.testing.assert_allclose(np.median(inner, axis=(0, 1)), [right, down], atol=0.05)
    assert np.abs(inner - [right, down]).mean() < 0.1


def test_flow_is_measured_at_the_source_and_scaled(moving):
    clip = load_clip(open_clip(moving), crop=None, resize=(60, 120))
    flow = optical_flow(clip, 1)
    assert flow.shape == (2, 60, 120)
    assert flow.dtype == torch.float32
    # 3 of 360 columns are 1 of 120, 2 of 240 rows are half of one of 60
    torch.testing.assert_close(
        flow[:, 8:-8, 8:-8].mean(dim=(1, 2)), torch.tensor([1.0, 0.5]), atol=0.02, rtol=0
    )


def test_flow_between_frames_further_apart(moving):
    clip = load_clip(open_clip(moving), [0, 2], crop=None, resize=None)
    torch.testing.assert_close(
        optical_flow(clip, 1)[:, 20:-20, 20:-20].mean(dim=(1, 2)), torch.tensor([6.0, 4.0]), atol=0.1, rtol=0
    )


def test_flow_of_a_clip_in_memory(moving):
    stored = load_clip(open_clip(moving), crop=None, resize=None)
    clip = PanopticClip("made", stored.frames)
    torch.testing.assert_close(optical_flow(clip, 2), optical_flow(stored, 2))


def test_flow_follows_the_crop(moving):
    whole = optical_flow(load_clip(open_clip(moving), crop=None, resize=None), 1)
    part = optical_flow(load_clip(open_clip(moving), crop=[30, 90, 100, 200], resize=None), 1)
    torch.testing.assert_close(part, whole[:, 30:90, 100:200])


@given(height=st.integers(1, 40), width=st.integers(1, 40))
@settings(deadline=None, max_examples=40)
def test_flow_of_any_size(height, width):
    flow = dense_flow(*shifted(1, 0, height, width))
    assert flow.shape == (height, width, 2)
    assert np.isfinite(flow).all()


def test_flow_of_a_small_frame_is_still_right():
    flow = dense_flow(*shifted(1, 0, 11, 11))
    assert abs(np.median(flow[..., 0]) - 1) < 0.3


def write_flo(path, flow):
    height, width, _ = flow.shape
    path.write_bytes(b"PIEH" + struct.pack("<ii", width, height) + flow.astype("<f4").tobytes())


@pytest.mark.parametrize("kind", [".flo", ".npy"])
def test_flow_given_beside_the_frames_is_used(moving, kind):
    flow = np.zeros((240, 360, 2), np.float32)
    flow[..., 0], flow[..., 1] = 6, -4
    flow[0, 0] = 1e10  # unknown
    path = moving / f"1{kind}"
    write_flo(path, flow) if kind == ".flo" else np.save(path, flow)
    clip = load_clip(open_clip(moving), crop=None, resize=(60, 120))
    given = optical_flow(clip, 2)  # from frame 1 to frame 2
    torch.testing.assert_close(given[:, 1, 1], torch.tensor([2.0, -1.0]))
    torch.testing.assert_close(given[:, 0, 0], torch.tensor([2.0, -1.0]) * 11 / 12)
    assert optical_flow(clip, 1)[0].median() < 1.2  # nothing given: computed
    skipping = load_clip(open_clip(moving), [1, 3], crop=None, resize=None)
    assert optical_flow(skipping, 1)[0].median() == pytest.approx(6, abs=0.1)  # not the neighbour's flow
    assert optical_flow(skipping, 1)[1].median() == pytest.approx(4, abs=0.1)


def test_flow_of_a_video_is_in_its_own_folder(tmp_path):
    path = tmp_path / "a.b.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25, (48, 32))
    for _ in range(3):
        writer.write(np.zeros((32, 48, 3), np.uint8))
    writer.release()
    (tmp_path / "a.b_flow").mkdir()
    np.save(tmp_path / "a.b_flow" / "00001.npy", np.full((32, 48, 2), 5, np.float32))
    clip = load_clip(open_clip(path), resize=None)
    assert optical_flow(clip, 1).abs().max() == 0
    assert (optical_flow(clip, 2) == 5).all()


def test_frame_names_with_dots(tmp_path, save_image):
    paths = tuple(save_image(tmp_path / f"v1.{t}.png", np.zeros((16, 16, 3), np.uint8)) for t in range(2))
    np.save(tmp_path / "v1.0.npy", np.full((16, 16, 2), 2, np.float32))
    clip = load_clip(ClipFiles("dots", ImageFiles(paths)), resize=None)
    assert (optical_flow(clip, 1) == 2).all()


def test_flo_files_as_opencv_writes_them(tmp_path):
    flow = np.random.default_rng(0).normal(size=(5, 7, 2)).astype(np.float32)
    assert cv2.writeOpticalFlow(str(tmp_path / "a.flo"), flow)
    np.testing.assert_array_equal(read_flow(tmp_path / "a.flo"), flow)


@pytest.mark.parametrize("t", [0, 4, -1])
def test_no_such_pair_of_frames(moving, t):
    with pytest.raises(DataError, match=f"no optical flow at t={t}: the clip 'frames' has t from 1 to 3"):
        optical_flow(load_clip(open_clip(moving)), t)


def test_one_frame_has_no_motion(moving):
    with pytest.raises(DataError, match="has no motion: it has one frame"):
        optical_flow(load_clip(open_clip(moving), [0]), 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("0.flo", b"PIEH\1\0\0\0", "does not begin as .flo files do"),
        ("0.flo", b"NOPE" + bytes(20), "does not begin as .flo files do"),
        ("0.flo", b"PIEH" + struct.pack("<ii", 4, 4) + bytes(9), "4×4 vectors take 140 bytes, not 21"),
        ("0.npy", b"what", "is not a readable flow file"),
        ("0.npy", b"", "is not a readable flow file"),
    ],
)
def test_damaged_flow(moving, name, content, message):
    (moving / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        optical_flow(load_clip(open_clip(moving)), 1)


@pytest.mark.parametrize("flow", [np.zeros((2, 240, 360)), np.zeros((240, 360, 2), int), np.zeros((240, 2))])
def test_flow_laid_out_otherwise(moving, flow):
    np.save(moving / "0.npy", flow)
    with pytest.raises(DataError, match=r"flow is float \[height, width, 2\]"):
        optical_flow(load_clip(open_clip(moving)), 1)


def test_flow_of_another_size(moving):
    np.save(moving / "0.npy", np.zeros((24, 36, 2), np.float32))
    with pytest.raises(DataError, match=r"0.npy' has 24×36 vectors, but '.*0.png' has 240×360 pixels"):
        optical_flow(load_clip(open_clip(moving)), 1)
