"""Fluctuation against flow: by counting pairs, and where only the moving objects change."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from xinc_lightning.analyses import flow_vs_fluctuation
from xinc_lightning.analyses.flow_vs_fluctuation import moving_pixels
from xinc_lightning.canvas import Canvas


def compare(fluctuation, flow):
    fluctuation, flow = np.asarray(fluctuation, float)[None], np.asarray(flow, float)[None]
    return flow_vs_fluctuation("head", fluctuation, flow, np.array([1]), range(5), 9)


def test_fluctuation_finds_the_moving_objects(scene, painter):
    canvas = Canvas(painter).at(torch.arange(len(scene.clip)))["head"]
    fluctuation = canvas.reduce(thresholds=()).fluctuation.numpy()[:2]
    flow = np.stack([scene.flow[1], scene.flow[2]])
    result = flow_vs_fluctuation("head", fluctuation, flow, np.array([1, 2]), range(27), 27)
    truth = np.stack([(scene.clip.masks[t] > 1).numpy() for t in (0, 1)])
    np.testing.assert_array_equal(result.moving, truth)
    assert (result.auc > 0.95).all()  # not 1: where an object arrives, pixels change that did not move
    assert (result.spearman > 0.8).all()
    assert result.scalars()["auc"] == pytest.approx(result.auc.mean())
    # Away from where objects are and arrive, nothing changes at all.
    still = ~(truth | np.stack([(scene.clip.masks[t] > 1).numpy() for t in (1, 2)]))
    assert fluctuation[still].max() == 0
    assert (fluctuation[truth] > 0).mean() > 0.99  # a few pixels happen to look like what they uncover


def test_fluctuation_elsewhere_does_not_detect_motion(scene):
    moving = (scene.clip.masks[0] > 1).numpy()
    assert compare(~moving, scene.flow[1]).auc[0] == 0
    noise = np.random.default_rng(0).random(moving.shape)
    assert compare(noise, scene.flow[1]).auc[0] == pytest.approx(0.5, abs=0.05)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_auc_and_spearman_by_definition(seed):
    random = np.random.default_rng(seed)
    fluctuation = random.integers(0, 5, (4, 5)).astype(float)  # with ties
    flow = np.zeros((2, 4, 5))
    flow[0] = random.integers(0, 4, (4, 5))
    result = compare(fluctuation, flow)
    moving = result.moving[0]
    if 0 < moving.sum() < moving.size:
        pairs = fluctuation[moving][:, None] - fluctuation[~moving]
        assert result.auc[0] == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())
    else:
        assert np.isnan(result.auc[0])
    if np.ptp(fluctuation) and np.ptp(flow[0]):
        ranks = [rankdata(picture.ravel()) for picture in (fluctuation, flow[0])]
        assert result.spearman[0] == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_no_motion_or_fluctuation_gives_nan(scene):
    dead = compare(np.zeros((48, 96)), scene.flow[1])
    assert np.isnan(dead.spearman[0])
    assert dead.auc[0] == 0.5
    still = compare(np.random.default_rng(0).random((4, 6)), np.zeros((2, 4, 6)))
    assert still.scalars() == {}


def test_a_panning_background_does_not_count_as_moving():
    speed = np.full((10, 10), 0.3)
    speed[2:5, 3:6] = 4
    np.testing.assert_array_equal(moving_pixels(speed), speed > 1)
    assert not moving_pixels(np.full((10, 10), 0.3)).any()
    assert not moving_pixels(np.random.default_rng(0).random((10, 10)) * 0.09).any()
