"""Shares of segments: by hand, and where each neuron paints one object."""

import numpy as np
import pytest
import torch

from xinc_lightning.analyses import evenly_spaced, sample_live_by_maps, things_and_stuff
from xinc_lightning.canvas import Canvas
from xinc_lightning.data import Segment
from xinc_lightning.networks import ConvLayer

SEGMENTS = (Segment(7, "sky", "sky", False), Segment(9, "car_0", "car", True))


class Pictures(torch.nn.Module):
    """One neuron: its map is the picture that goes in."""

    def __init__(self, weight=1.0):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 1, 1, bias=False)
        torch.nn.init.constant_(self.conv.weight, weight)

    def forward(self, pictures):
        return self.conv(pictures)

    def canvas_layers(self):
        return [ConvLayer("only", self.conv)]


def layer_of(*pictures, weight=1.0):
    return Canvas(Pictures(weight)).at(torch.tensor(pictures)[:, None])["only"]


def test_by_hand():
    layer = layer_of([[1.0, -3.0, 8.0]], [[4.0, 0.0, 2.0]])
    masks = [torch.tensor([[7, 7, 0]]), torch.tensor([[7, 9, 9]])]
    result = things_and_stuff(layer, [0], masks, SEGMENTS, [10, 15])
    # (1 + 3) / 2 of the sky, no car yet; then 4 and (0 + 2) / 2. The pixel without a segment is nobody's.
    np.testing.assert_array_equal(result.density, [[[2, np.nan], [4, 1]]])
    np.testing.assert_allclose(result.shares, [[[2 / 7, np.nan], [4 / 7, 1 / 7]]])
    # Of the sky, which alone is seen twice: mean 3, standard deviation 1.
    assert result.scalars() == {"temporal_variation": pytest.approx(1 / 3)}
    assert result.arrays()["segments"].tolist() == ["sky", "car_0"]


def test_a_dead_neuron_has_no_shares():
    masks = [torch.tensor([[7, 9]])]
    result = things_and_stuff(layer_of([[1.0, 2.0]], weight=0.0), [0], masks, SEGMENTS, [0])
    assert np.isnan(result.shares).all()
    assert result.scalars() == {}


def test_neuron_of_one_object_has_all_its_share_there(scene, painter):
    clip = scene.clip
    layer = Canvas(painter).at(torch.arange(len(clip)))["head"]
    # Neuron (input channel, colour), channels being (segment, colour): each colour paints only itself.
    neurons = [3 * (3 * segment + colour) + colour for segment in range(3) for colour in range(3)]
    result = things_and_stuff(layer, neurons, clip.masks, clip.segments, clip.indices)
    shares = np.nansum(result.shares, axis=1).reshape(3, 3, 3)  # segment painted, colour, segment
    np.testing.assert_allclose(shares, np.eye(3)[:, None].repeat(3, 1), atol=1e-12)
    # The cat leaves before the last frame: no number there, rather than a zero.
    assert np.isnan(result.density[:, -1, 2]).all()
    assert np.isfinite(result.density[:, :-1]).all()
    # An object takes its pixels along, so what it gets does not depend on where it is.
    np.testing.assert_allclose(result.density[3:6, 0, 1], result.density[3:6, 3, 1], rtol=1e-5)


def test_live_neurons_are_sampled_reproducibly(scene, painter):
    with torch.no_grad():
        painter.head.weight[:, 3:6] = 0  # nobody paints the astronaut any more
    layer = Canvas(painter).at(torch.arange(1))["head"]
    drawn = sample_live_by_maps(layer, 4, seed=3)
    assert drawn == sample_live_by_maps(layer, 4, seed=3) == sorted(set(drawn))
    assert len(drawn) == 4
    assert (layer.maps(drawn) != 0).flatten(1).any(1).all()
    assert set(sample_live_by_maps(layer, 2, seed=3)) < set(drawn)
    # 3 segments × 3 colours in, each weight to another colour is 0: six neurons live.
    assert len(sample_live_by_maps(layer, 27)) == 6


def test_all_frames_are_used_if_few_are_annotated():
    assert evenly_spaced([4, 9, 14, 19, 24, 29], 6) == [4, 9, 14, 19, 24, 29]
    assert evenly_spaced([5], 6) == [5]
    assert evenly_spaced(range(30), 1) == [0]
