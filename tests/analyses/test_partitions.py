import numpy as np
import pytest
import torch
from skimage.filters import gabor_kernel

from xinc_lightning.analyses import (
    frame_partitions,
    gabor_partition,
    grid_partition,
    instance_partition,
    lattice_partition,
    rgb_partition,
)
from xinc_lightning.analyses.partitions import released_gabor_responses
from xinc_lightning.data import PanopticClip, Segment

SEGMENTS = (Segment(70000, "sky", "sky", False), Segment(3, "car_0", "car", True))


def stripes(height=64, width=128):
    """Vertical stripes on the left, horizontal ones on the right, of one period and contrast."""
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    phase = torch.where(column < width // 2, column, row)
    return (0.5 + 0.4 * torch.sin(phase * torch.pi / 4)).expand(3, -1, -1)


def test_instances_keep_their_label_and_the_rest_is_other():
    mask = torch.tensor([[0, 70000], [3, 3], [99, 0]])  # 99: in the mask, but no segment of the clip
    assert instance_partition(mask, SEGMENTS).tolist() == [[0, 1], [2, 2], [0, 0]]
    assert instance_partition(torch.full((1, 2), 3), SEGMENTS).tolist() == [[2, 2]]


def test_grid_cells_are_equal_connected_rectangles():
    labels = grid_partition(128, 256).numpy()
    assert np.unique(labels).tolist() == list(range(32))
    for cell in range(32):
        rows, columns = (labels == cell).nonzero()
        assert len(rows) == 128 * 256 // 32
        assert (rows.max() - rows.min(), columns.max() - columns.min()) == (31, 31)


def test_every_lattice_group_is_spread_over_the_frame():
    labels = lattice_partition(128, 256).numpy()
    for group in range(32):
        rows, columns = (labels == group).nonzero()
        assert len(rows) == 128 * 256 // 32
        assert set((rows % 4).tolist()) == {group // 8}
        assert set((columns % 8).tolist()) == {group % 8}


def test_grid_of_a_frame_that_it_does_not_divide():
    assert grid_partition(7, 11, 2, 3).flatten().bincount().tolist() == [16, 16, 12, 12, 12, 9]


def test_rgb_finds_the_colours():
    colours = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.2, 0.2, 0.9]])
    which = torch.randint(0, 3, (16, 24))
    noise = 0.01 * torch.randn(3, 16, 24)
    labels = rgb_partition(colours[which].permute(2, 0, 1) + noise, 3)
    pairs = (which * 3 + labels).unique()
    assert len(pairs) == 3  # one label a colour


def test_gabor_distinguishes_orientations_but_not_brightness():
    frame = stripes()
    labels = gabor_partition(frame, 2)
    left, right = labels[16:-16, 16:48], labels[16:-16, 80:112]
    assert (left == left[0, 0]).all()
    assert (right == right[0, 0]).all()
    assert left[0, 0] != right[0, 0]
    brighter = gabor_partition(frame + 0.1, 2)
    same = (brighter == brighter[32, 32]) == (labels == labels[32, 32])
    assert same.float().mean() > 0.99, "a pixel between the halves may be as near to either"


@pytest.mark.parametrize("partition", [rgb_partition, gabor_partition])
def test_k_means_is_seeded_and_leaves_the_random_state_alone(partition):
    frame = torch.rand(3, 20, 30)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    first = partition(frame, 8, seed=3)
    assert torch.equal(first, partition(frame, 8, seed=3))
    assert not torch.equal(first, partition(frame, 8, seed=4))
    assert first.unique().tolist() == list(range(8))
    assert torch.equal(torch_state, torch.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("size", [(16, 32), (3, 5), (1, 1)])
@pytest.mark.filterwarnings("error")
def test_constant_frame_is_one_cluster(size):
    frame = torch.full((3, *size), 0.3)
    assert not rgb_partition(frame, 32).any()
    assert not gabor_partition(frame, 32).any()


def test_partitions_of_a_clip():
    clip = PanopticClip("toy", torch.rand(2, 3, 8, 16), SEGMENTS, (torch.full((8, 16), 3), None))
    labels = frame_partitions(clip, 0, grid=(2, 4))
    assert list(labels) == ["instances", "rgb", "gabor", "grid", "lattice"]
    assert {int(picture.max()) for name, picture in labels.items() if name != "instances"} == {7}
    assert all(picture.shape == (8, 16) for picture in labels.values())
    assert list(frame_partitions(clip, 1, ("grid", "instances"))) == ["grid"]
    assert torch.equal(frame_partitions(clip, 1, ("rgb",))["rgb"], rgb_partition(clip.frames[1]))


def test_gabor_as_released_is_what_scipy_makes_of_bytes():
    """Six real filters of one orientation, not standardised; the frame wraps, and the bytes overflow."""
    frame = torch.rand(3, 12, 20, generator=torch.Generator().manual_seed(0))
    responses = released_gabor_responses(frame)
    assert responses.shape == (12, 20, 6)
    assert np.array_equal(responses, responses.astype(np.uint8))
    grey = np.rint(255 * np.tensordot([0.299, 0.587, 0.114], frame.double().numpy(), 1))
    kernel = np.real(gabor_kernel(0.5, 0, sigma_x=1, sigma_y=1))  # the third: sigma 1, frequency 0.5
    rows, cols = (side // 2 for side in kernel.shape)
    wrapped = np.pad(grey, ((rows, rows), (cols, cols)), "wrap")
    naive = np.zeros(grey.shape)
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            naive += kernel[::-1, ::-1][i, j] * wrapped[i : i + 12, j : j + 20]
    assert (np.abs(np.trunc(naive) % 256 - responses[..., 2]) % 255 <= 1).all()  # truncated, not rounded
    paper, released = (gabor_partition(frame, 4, convention=c) for c in ("paper", "released"))
    assert not torch.equal(paper, released)
    clip = PanopticClip("toy", frame[None])
    labels = frame_partitions(clip, 0, ("gabor",), grid=(2, 2), convention="released")
    assert torch.equal(labels["gabor"], released)
