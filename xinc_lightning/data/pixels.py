"""Pictures in [0, 1] as bytes."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor


def to_uint8(pictures: Float[Tensor, "*frames 3 height width"]) -> NDArray[np.uint8]:
    """Colours of tensors as bytes, the colours last; what is outside [0, 1] is clipped.

    >>> import torch
    >>> to_uint8(torch.tensor([0.0, 0.5, 2.0]).reshape(3, 1, 1))
    array([[[  0, 128, 255]]], dtype=uint8)

    Args:
        pictures: one or several, in [0, 1].
    """
    scaled = (pictures.clamp(0, 1) * 255).round().byte()
    pixels: NDArray[np.uint8] = scaled.movedim(-3, -1).cpu().numpy()
    return pixels
