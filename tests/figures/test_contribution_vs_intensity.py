import numpy as np
import torch

from xinc_lightning.analyses import contribution_vs_intensity
from xinc_lightning.figures import contributions_vs_intensity, rasterize


def test_three_rows_and_a_column_a_layer(painted_frame):
    frame = torch.rand(3, 16, 32)
    results = [
        contribution_vs_intensity(painted_frame(frame).reduce(), frame),
        contribution_vs_intensity(painted_frame(torch.rand(2, 16, 32)).reduce(), frame),
    ]
    figure = contributions_vs_intensity(results, frame.permute(1, 2, 0).numpy(), "FFN layers · toy")
    pictures = [axes for axes in figure.axes if axes.images]
    titles = [axes.get_title() for axes in pictures]
    other = results[1]
    assert titles == [
        "frame",
        "toy: Σ|c|",
        "toy: Σ|c|",
        "intensity, Σ RGB",
        "minus intensity, r = +1.00",
        f"minus intensity, r = {other.intensity_correlation:+.2f}",
        "edges, Sobel of intensity",
        f"minus edges, r = {results[0].edge_correlation:+.2f}",
        f"minus edges, r = {other.edge_correlation:+.2f}",
    ]
    np.testing.assert_array_equal(pictures[2].images[0].get_array(), other.contribution)
    np.testing.assert_array_equal(pictures[5].images[0].get_array(), other.difference)
    assert {axes.images[0].get_clim() for axes in pictures[1:4]} == {(0, 1)}
    assert {axes.images[0].get_clim() for axes in pictures[4:6]} == {(-1, 1)}


def test_portrait_frames_are_legible(painted_frame):
    frame = torch.rand(3, 60, 30)
    result = contribution_vs_intensity(painted_frame(frame).reduce(), frame)
    height, width = rasterize(
        contributions_vs_intensity([result], frame.permute(1, 2, 0).numpy(), "t")
    ).shape[:2]
    assert height < 1000
    assert width < height
