import numpy as np
import torch

from xinc_lightning.data.pixels import to_uint8


def test_colours_are_last_and_rounded_to_the_nearest_byte():
    pictures = torch.rand(2, 3, 4, 5)
    found = to_uint8(pictures)
    assert found.shape == (2, 4, 5, 3)
    np.testing.assert_allclose(found / 255, pictures.permute(0, 2, 3, 1).numpy(), atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(to_uint8(pictures[1]), found[1])


def test_what_is_outside_is_clipped():
    assert to_uint8(torch.tensor([-1.0, 1.5, 1.0]).reshape(3, 1, 1)).ravel().tolist() == [0, 255, 255]
