import numpy as np
import pytest
import torch

from xinc_lightning.analyses import contribution_vs_intensity
from xinc_lightning.analyses.contribution_vs_intensity import correlation


def test_neurons_like_the_frame_correlate_with_its_intensity(painted_frame):
    frame = torch.rand(3, 12, 20)
    result = contribution_vs_intensity(painted_frame(-2 * frame).reduce(), frame)
    assert result.intensity_correlation == pytest.approx(1)
    np.testing.assert_allclose(result.difference, 0, atol=1e-6)
    brightness = frame.sum(0).double().numpy()
    np.testing.assert_allclose(
        result.intensity, (brightness - brightness.min()) / (brightness.max() - brightness.min())
    )
    negative = contribution_vs_intensity(painted_frame(3.0 - frame.sum(0, keepdim=True)).reduce(), frame)
    assert negative.intensity_correlation == pytest.approx(-1)


def test_neurons_like_the_edges_correlate_with_the_edges(painted_frame):
    frame = torch.zeros(3, 9, 16)
    frame[:, :, 8:] = 1
    edge = torch.zeros(1, 9, 16)
    edge[:, :, 7:9] = 1
    result = contribution_vs_intensity(painted_frame(edge).reduce(), frame)
    assert result.edge_correlation == pytest.approx(1)
    np.testing.assert_array_equal(result.edges, edge[0])
    assert result.intensity_correlation == pytest.approx(0)
    assert result.scalars() == {
        "intensity_correlation": result.intensity_correlation,
        "edge_correlation": result.edge_correlation,
    }


@pytest.mark.filterwarnings("error")
def test_constant_maps_have_no_correlation(painted_frame):
    frame = torch.full((3, 6, 7), 0.5)
    result = contribution_vs_intensity(painted_frame(torch.rand(2, 6, 7)).reduce(), frame)
    assert result.scalars() == {}
    assert np.isnan([result.intensity_correlation, result.edge_correlation]).all()
    dead = contribution_vs_intensity(painted_frame(torch.zeros(2, 6, 7)).reduce(), torch.rand(3, 6, 7))
    assert not dead.contribution.any()
    assert dead.scalars() == {}


def test_correlation_by_hand():
    one, other = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 3.0, 2.0]])
    assert correlation(one, other) == pytest.approx(0.5)
