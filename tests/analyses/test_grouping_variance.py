import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from xinc_lightning.analyses import (
    GroupingVarianceResult,
    frame_partitions,
    gabor_partition,
    grid_partition,
    grouping_variance,
    lattice_partition,
    medians_over_seeds,
    rgb_partition,
    sample_live,
    shift_null,
)
from xinc_lightning.analyses.grouping_scores import contribution_deltas, variance_scores
from xinc_lightning.canvas import Canvas
from xinc_lightning.data import PanopticClip, Segment
from xinc_lightning.networks import FFN, NeRV, pixel_grid


def naive_scores(maps, labels, std=False, absolute=False):
    """Eq. 2 in the paper's words, a neuron and a cluster at a time."""
    scores = []
    for image in np.abs(maps.astype(np.float64)):
        deltas = []
        for cluster in np.unique(labels):
            expected = (labels == cluster).sum() / labels.size * image.sum()
            deltas.append((expected - image[labels == cluster].sum()) / expected)
        deltas = np.abs(deltas) if absolute else deltas
        scores.append(np.std(deltas, ddof=1) if std else np.var(deltas, ddof=1))
    return np.array(scores)


def objects(height=32, width=64):
    """A clip of four discs on a background, and its mask."""
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    mask = torch.zeros(height, width, dtype=torch.long)
    for i, (y, x) in enumerate([(8, 10), (20, 26), (9, 42), (22, 54)], start=1):
        mask[(row - y) ** 2 + (column - x) ** 2 <= 36] = i
    segments = tuple(Segment(i, f"disc_{i}", "disc", True) for i in range(1, 5))
    return PanopticClip("discs", torch.rand(1, 3, height, width), segments, (mask,))


def test_by_hand():
    sums, areas = torch.tensor([[3.0, 0.0, 1.0], [1.0, 0.0, 1.0]]), torch.tensor([1, 0, 1])
    assert contribution_deltas(sums, areas).tolist() == [[-0.5, 0.5], [0, 0]]
    assert variance_scores(sums, areas).tolist() == [0.5, 0]
    assert variance_scores(sums, areas, std=True).tolist() == pytest.approx([0.5**0.5, 0])
    assert variance_scores(sums, areas, absolute=True).tolist() == [0, 0]
    unequal = variance_scores(torch.tensor([[3.0, 1.0]]), torch.tensor([3, 1]))
    assert unequal.tolist() == [0]  # each cluster gets what its area lets expect


def test_golden_released_ratios(golden, golden_nerv):
    maps = np.load(golden / "nerv_tiny_maps.npz")
    arrays = np.load(golden / "nerv_tiny_released_analyses.npz")
    canvas = Canvas(golden_nerv, head_activation=False).at(torch.from_numpy(maps["t"]))
    partitions = {"instances": torch.from_numpy(arrays["labels"]), "lattice": lattice_partition(16, 32)}
    for name in ("head", "block3"):
        statistics = canvas[name].reduce(partitions).at(0)
        for std, spread in ((False, np.var), (True, np.std)):
            result = grouping_variance(statistics, std=std, convention="released")
            for partition, released in (("instances", "ratio"), ("lattice", "ratio_lattice4x8")):
                wanted = spread(arrays[f"{name}_{released}"].astype(np.float64), axis=1, ddof=1)
                np.testing.assert_allclose(result.scores[partition], wanted, rtol=1e-3, atol=1e-7)
        signed = grouping_variance(statistics)
        assert (signed.scores["instances"] >= result.scores["instances"] ** 2 - 1e-9).all()
        np.testing.assert_allclose(signed.scores["lattice"], result.scores["lattice"] ** 2, rtol=1e-5)


def test_medians_of_the_authors_ffn(shared_golden):
    """The dead share and the layer-3 medians that are known of the authors' weights."""
    ffn = FFN.from_released(load_file(shared_golden / "ffn_cityscapes_0005.safetensors"))
    canvas = Canvas(ffn).at(pixel_grid(128, 256))
    rendering = torch.from_numpy(np.load(shared_golden / "ffn_cityscapes_0005_maps.npz")["image"])
    frame = rendering.permute(2, 0, 1).clamp(0, 1)
    partitions = {
        "grid": grid_partition(128, 256),
        "lattice": lattice_partition(128, 256),
        "rgb": rgb_partition(frame),
        "gabor": gabor_partition(frame),
    }
    assert grouping_variance(canvas["layer2"].reduce().at(0)).dead.mean() == pytest.approx(0.45, abs=0.005)
    scores = grouping_variance(canvas["layer3"].reduce(partitions).at(0)).scores
    medians = {name: float(np.median(scores[name])) for name in partitions}
    assert medians["grid"] == pytest.approx(0.0460, abs=0.0005)
    assert medians["lattice"] == pytest.approx(0.0002, abs=0.00005)
    # of clusters of the rendering, not of the frame itself, and from seed to seed of k-means
    assert 0.0625 < medians["rgb"] < 0.0814
    assert 0.085 < medians["gabor"] < 0.105


def test_the_lattice_reads_the_sub_pixel_phase_of_a_block_before_the_head(painted_frame):
    """Even values at one of 2×2 phases, box-filtered by 3×3, stand 1 : 2 : 2 : 4 at the four phases."""
    ones = torch.zeros(1, 1, 34, 66)
    ones[..., 1::2, 1::2] = 1
    layer = painted_frame(torch.nn.functional.avg_pool2d(ones, 3, 1)[0])
    result = grouping_variance(
        layer.reduce({"lattice": lattice_partition(32, 64), "grid": grid_partition(32, 64)})
    )
    deltas = (2.25 - np.repeat([1, 2, 2, 4], 8)) / 2.25
    assert result.scores["lattice"][0] == pytest.approx(deltas.var(ddof=1), abs=0.02)
    assert result.scores["grid"][0] < 0.01


def test_object_neurons_exceed_the_null_and_others_do_not(painted_frame):
    clip = objects()
    labels = frame_partitions(clip, names=("instances", "grid", "lattice"))
    inside = torch.stack([(clip.masks[0] == i).float() for i in range(1, 5)])
    elsewhere = torch.stack([torch.roll(image, (5, 5 + i), (0, 1)) for i, image in enumerate(inside)])
    layer = painted_frame(torch.cat([inside, elsewhere]) + 0.01)
    null = shift_null(layer, labels, range(8), shifts=60, seed=1)
    result = grouping_variance(layer.reduce(labels), null=null)
    assert (result.ranks("instances")[:4] == 1).all()
    assert (result.effects("instances")[:4] > 3).all()
    assert (result.ranks("instances")[4:] < 0.98).all()
    assert (np.abs(result.effects("instances")[4:]) < 3).all()
    assert result.tested == ("instances", "grid")  # a lattice is itself wherever it is shifted


def test_layer_of_object_neurons_exceeds_the_null(painted_frame):
    clip = objects()
    labels = frame_partitions(clip, names=("instances",))
    layer = painted_frame(torch.stack([(clip.masks[0] == i).float() for i in range(1, 5)]) + 0.01)
    result = grouping_variance(layer.reduce(labels), null=shift_null(layer, labels, range(4), shifts=40))
    scalars = result.scalars()
    assert scalars["instances_rank"] == 1
    assert scalars["instances_effect"] > 3
    assert scalars["instances_above_null"] == 1
    assert scalars["instances_null_median"] < scalars["instances_median"]


def test_object_network_favours_instances_and_grid_network_does_not(scene, painter, painted_frame):
    """Real textures: each of the painter's neurons paints one segment in one colour."""
    labels = frame_partitions(scene.clip, names=("instances", "grid"), grid=(4, 8))
    objects = Canvas(painter).at(torch.tensor([0]))["head"].at(0)
    cells = torch.stack([(labels["grid"] == cell).float() for cell in (3, 9, 14, 21, 26)])
    texture = scene.clip.frames[0].mean(0)
    found = {}
    for name, layer in {"objects": objects, "grid": painted_frame(cells * texture + 1e-3)}.items():
        sample = sample_live(layer.reduce(), 99)
        null = shift_null(layer, labels, sample, shifts=60, seed=1)
        found[name] = grouping_variance(layer.reduce(labels), null=null)
    assert found["objects"].layer_rank("instances") == 1
    assert found["objects"].layer_effect("instances") > 3
    assert found["objects"].layer_effect("instances") > found["objects"].layer_effect("grid") + 2
    assert abs(found["grid"].layer_effect("instances")) < 2
    assert found["grid"].layer_rank("instances") < 0.98
    assert found["grid"].layer_rank("grid") > 0.95  # places are what it cares about
    assert found["grid"].layer_effect("grid") > 1


@pytest.mark.parametrize("std", [False, True])
@pytest.mark.parametrize("convention", ["paper", "released"])
def test_null_is_what_rolling_the_labels_gives(painted_frame, std, convention):
    maps = torch.randn(5, 12, 20)
    labels = {"instances": torch.randint(0, 4, (12, 20)), "grid": grid_partition(12, 20, 2, 2)}
    null = shift_null(painted_frame(maps), labels, [0, 2, 3], 6, seed=5, std=std, convention=convention)
    assert len({tuple(shift) for shift in null.shifts}) == 6
    assert null.shifts.any(1).all()  # no shift leaves the labels where they are
    for name, picture in labels.items():
        for shift, scores in zip(null.shifts, null.scores[name], strict=True):
            moved = np.roll(picture.numpy(), shift, (0, 1))
            absolute = convention == "released" and name == "instances"
            wanted = naive_scores(maps[[0, 2, 3]].numpy(), moved, std, absolute)
            np.testing.assert_allclose(scores, wanted, rtol=1e-4, atol=1e-7)
    again = shift_null(painted_frame(maps), labels, [0, 2, 3], 6, seed=5, std=std, convention=convention)
    assert all(np.array_equal(again.scores[name], null.scores[name]) for name in labels)
    other = shift_null(painted_frame(maps), labels, [0, 2, 3], 6, seed=6, std=std, convention=convention)
    assert not np.array_equal(other.shifts, null.shifts)


def test_rank_and_effect_by_hand(painted_frame):
    clip = objects()
    labels = frame_partitions(clip, names=("grid",), grid=(2, 2))
    layer = painted_frame(torch.rand(7, 32, 64))
    null = shift_null(layer, labels, [1, 4, 6], 9)
    result = grouping_variance(layer.reduce(labels), null=null)
    for place, neuron in enumerate([1, 4, 6]):
        real, shifted = result.scores["grid"][neuron], null.scores["grid"][:, place]
        assert result.ranks("grid")[place] == sum(s < real for s in shifted) / 9
        assert result.effects("grid")[place] == pytest.approx((real - shifted.mean()) / shifted.std(ddof=1))
    median = np.median(result.scores["grid"][[1, 4, 6]])
    medians = np.median(null.scores["grid"], axis=1)
    assert result.layer_rank("grid") == (medians < median).mean()
    assert result.layer_effect("grid") == pytest.approx((median - medians.mean()) / medians.std(ddof=1))


def test_dead_neurons_are_excluded_and_constant_ones_score_zero(painted_frame):
    maps = torch.rand(5, 16, 32)
    maps[1] = 0
    maps[3] = 0.7
    labels = {"grid": grid_partition(16, 32), "all": torch.zeros(16, 32, dtype=torch.long)}
    layer = painted_frame(maps)
    statistics = layer.reduce(labels)
    sample = sample_live(statistics, 10)
    assert sample == [0, 2, 3, 4]
    result = grouping_variance(statistics, null=shift_null(layer, labels, sample))
    assert result.dead.tolist() == [False, True, False, False, False]
    assert np.isnan(result.scores["grid"]).tolist() == result.dead.tolist()
    assert list(result.scores) == ["grid"]  # one cluster has no variance
    assert result.ranks("grid")[2] == 0.5
    assert result.effects("grid")[2] == 0
    alive = naive_scores(maps[sample].numpy(), labels["grid"].numpy())
    assert result.scalars()["grid_median"] == pytest.approx(np.median(alive), rel=1e-5)
    arrays = result.arrays()
    assert arrays["null_grid"].shape == (20, 4)
    assert np.array_equal(arrays["rank_grid"], result.ranks("grid"))


def test_a_dead_layer_has_no_scalars(painted_frame):
    statistics = painted_frame(torch.zeros(3, 8, 8)).reduce({"grid": grid_partition(8, 8, 2, 2)})
    assert sample_live(statistics, 5) == []
    assert grouping_variance(statistics).scalars() == {}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3), clusters=st.integers(2, 9))
def test_scale_sign_and_names_of_clusters_do_not_matter(painted_frame, seed, scale, clusters):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(4, 9, 13, generator=generator)
    labels = torch.randint(0, clusters, (9, 13), generator=generator)
    renamed = torch.randperm(clusters, generator=generator)[labels]
    one = grouping_variance(painted_frame(maps).reduce({"p": labels})).scores["p"]
    other = grouping_variance(painted_frame(-scale * maps).reduce({"p": renamed})).scores["p"]
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(one, naive_scores(maps.numpy(), labels.numpy()), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("shifts", [1, 128])
def test_invalid_numbers_of_shifts_are_rejected(painted_frame, shifts):
    with pytest.raises(ValueError, match=f"shifts={shifts}: a frame of 8×16 has 2 … 127"):
        shift_null(painted_frame(torch.rand(2, 8, 16)), {"grid": grid_partition(8, 16)}, [0], shifts)


def test_statistics_under_another_name_and_of_another_frame():
    nerv = NeRV(8, 16, 4, strides=(2, 2), minimum_channels=2)
    layer = Canvas(nerv).at(torch.tensor([0.0, 0.5]))["head"]
    grid = grid_partition(8, 16, 2, 4)
    statistics = layer.reduce({"grid of mine": grid}).at(1)
    result = grouping_variance(statistics, {"grid": "grid of mine"})
    maps = layer.maps(range(layer.neurons))[:, 1].numpy()
    np.testing.assert_allclose(result.scores["grid"], naive_scores(maps, grid.numpy()), rtol=1e-4)


def test_spread_over_seeds_is_how_far_the_median_moves(painted_frame):
    layer = painted_frame(torch.rand(7, 16, 32))
    pictures = [torch.randint(0, 4, (16, 32)) for _ in range(3)]
    even = torch.zeros(16, 32, dtype=torch.long)
    neurons = [0, 2, 5]
    medians = medians_over_seeds(layer, {"rgb": pictures, "gabor": [even, even]}, neurons)
    assert list(medians) == ["rgb"]
    expected = [np.median(naive_scores(layer.maps(neurons).numpy(), p.numpy())) for p in pictures]
    np.testing.assert_allclose(medians["rgb"], expected, rtol=1e-3)
    statistics = layer.reduce({"rgb": pictures[0]})
    result = grouping_variance(statistics, seed_medians=medians)
    assert result.scalars()["rgb_seed_spread"] == pytest.approx(max(expected) - min(expected), rel=1e-2)
    again = GroupingVarianceResult.from_arrays(result.arrays())
    assert again.scalars() == result.scalars()


def test_half_of_the_authors_layer_2_is_dead_by_sign_only(shared_golden):
    """Their weight columns sum to less than zero; without these units next to nothing is left of the picture."""
    ffn = FFN.from_released(load_file(shared_golden / "ffn_cityscapes_0005.safetensors"))
    layer = Canvas(ffn).at(pixel_grid(128, 256))["layer2"].at(0)
    none = layer.reduce().absolute_sum == 0
    assert int(none.sum()) == 47
    assert not layer.inactive.any()
    weight = ffn.layers[1].weight
    assert (weight.sum(0)[none] < 0).all()
    with torch.no_grad():
        whole = ffn(pixel_grid(128, 256))
        weight[:, none] = 0
        left = ffn(pixel_grid(128, 256))
    assert -10 * (left - whole).square().mean().log10() < 12
