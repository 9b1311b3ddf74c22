"""Divisions of a frame's pixels into clusters (§4.2, §6.2): by object, colour, texture or place."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xinc_lightning.data import PanopticClip, Segment

Partition = Literal["instances", "rgb", "gabor", "grid", "lattice"]

SEEDED: tuple[Partition, ...] = ("rgb", "gabor")
"""Partitions by k-means, which depend on a seed."""

Convention = Literal["paper", "released"]
"""Conventions of the paper's text, or of the authors' released code where it differs."""

STARTS = 10
"""Initialisations of k-means, the best of which is used: with one, medians of variances vary by 13 % between seeds."""

ORIENTATIONS = 4
WAVELENGTHS = (4, 8, 16)
"""Of the three Gabor scales, in pixels."""

RELEASED_SIGMAS, RELEASED_FREQUENCIES = (1, 3), (0.05, 0.25, 0.5)
"""Of the released code's Gabor filters, in pixels and in cycles a pixel."""

LUMA = (0.299, 0.587, 0.114)


def frame_partitions(
    clip: PanopticClip,
    position: int = 0,
    names: Sequence[Partition] = get_args(Partition),
    grid: tuple[int, int] = (4, 8),
    seed: int = 0,
    convention: Convention = "paper",
) -> dict[str, Int[Tensor, "height width"]]:
    """The requested partitions of one frame of a clip; without ``instances`` if the frame has no mask.

    Args:
        clip: the clip.
        position: which of its frames.
        names: which partitions.
        grid: rows and columns of grid cells. The lattice, rgb and gabor have as many clusters.
        seed: of k-means.
        convention: of the Gabor filters, see :func:`gabor_responses`.

    Raises:
        ValueError: if there is no partition of such a name.
    """
    frame, mask = clip.frames[position], clip.masks[position]
    rows, columns = grid
    labels: dict[str, Tensor] = {}
    for name in names:
        if name not in get_args(Partition):
            raise ValueError(f"no partition {name!r}: there are {', '.join(get_args(Partition))}.")
        if name == "instances" and mask is not None:
            labels[name] = instance_partition(mask, clip.segments)
        elif name == "rgb":
            labels[name] = rgb_partition(frame, rows * columns, seed)
        elif name == "gabor":
            labels[name] = gabor_partition(frame, rows * columns, seed, convention)
        elif name == "grid":
            labels[name] = grid_partition(clip.height, clip.width, rows, columns)
        elif name == "lattice":
            labels[name] = lattice_partition(clip.height, clip.width, rows, columns)
    return labels


def instance_partition(
    mask: Int[Tensor, "height width"], segments: Sequence[Segment]
) -> Int[Tensor, "height width"]:
    """Things and stuff: label i + 1 for segment i, label 0 for "other", the pixels of no segment.

    Labels of segments that are not in the mask are unused, so that an object keeps its label through a clip.

    >>> from xinc_lightning.data import Segment
    >>> segments = [Segment(7, "sky", "sky", False), Segment(9, "car_0", "car", True)]
    >>> instance_partition(torch.tensor([[7, 9, 0]]), segments)
    tensor([[1, 2, 0]])
    """
    labels = torch.zeros_like(mask, dtype=torch.long)
    for label, segment in enumerate(segments, start=1):
        labels[mask == segment.id] = label
    return labels


def grid_partition(height: int, width: int, rows: int = 4, columns: int = 8) -> Int[Tensor, "height width"]:
    """Grid cells as in the paper's text: ``rows`` × ``columns`` contiguous rectangles of equal size.

    >>> grid_partition(2, 4, 2, 2)
    tensor([[0, 0, 1, 1],
            [2, 2, 3, 3]])
    """
    row = torch.arange(height)[:, None] * rows // height
    column = torch.arange(width) * columns // width
    return row * columns + column


def lattice_partition(
    height: int, width: int, rows: int = 4, columns: int = 8
) -> Int[Tensor, "height width"]:
    """Grid cells as in the released code: pixels by (row mod ``rows``, column mod ``columns``).

    Each group is spread over the whole frame, so that no neuron can prefer one.

    >>> lattice_partition(2, 4, 2, 2)
    tensor([[0, 1, 0, 1],
            [2, 3, 2, 3]])
    """
    return torch.arange(height)[:, None] % rows * columns + torch.arange(width) % columns


def rgb_partition(
    frame: Float[Tensor, "3 height width"], clusters: int = 32, seed: int = 0
) -> Int[Tensor, "height width"]:
    """K-means of the pixels' colours; at most as many clusters as there are colours."""
    return _k_means(frame.permute(1, 2, 0).cpu().numpy(), clusters, seed)


def gabor_partition(
    frame: Float[Tensor, "3 height width"],
    clusters: int = 32,
    seed: int = 0,
    convention: Convention = "paper",
) -> Int[Tensor, "height width"]:
    """K-means of the pixels' :func:`gabor_responses`, standardised so that each filter has the same weight.

    There are at most as many clusters as different responses: one for a frame of one colour. The released code does
    not standardise.
    """
    if convention == "released":
        return _k_means(released_gabor_responses(frame), clusters, seed)
    responses = gabor_responses(frame)
    spread = responses.std((0, 1))
    # A filter's response to a constant frame is rounding noise, which must not be amplified to a texture.
    has_response = spread > 1e-6
    centred = (responses - responses.mean((0, 1))) * has_response
    return _k_means(centred / np.where(has_response, spread, 1), clusters, seed)


def gabor_responses(frame: Float[Tensor, "3 height width"]) -> Float[np.ndarray, "height width filters"]:
    """Magnitudes of the grey frame's responses to Gabor filters of 4 orientations × 3 scales (§6.2).

    The frame is padded with its mirror image.
    """
    from scipy.signal import fftconvolve
    from skimage.filters import gabor_kernel

    grey = np.tensordot(np.array(LUMA), frame.double().cpu().numpy(), 1)
    responses = []
    for wavelength in WAVELENGTHS:
        for orientation in range(ORIENTATIONS):
            kernel = gabor_kernel(1 / wavelength, orientation * np.pi / ORIENTATIONS)  # type: ignore[no-untyped-call]
            padding = [(side // 2, side // 2) for side in kernel.shape]
            responses.append(np.abs(fftconvolve(np.pad(grey, padding, "symmetric"), kernel, "valid")))
    return np.stack(responses, -1)


def released_gabor_responses(
    frame: Float[Tensor, "3 height width"],
) -> Float[np.ndarray, "height width filters"]:
    """Gabor responses of the authors' code: real parts, of one orientation, in 8-bit arithmetic.

    The grey frame is rounded to bytes, and so is every response, modulo 256; the frame is padded periodically.
    """
    from scipy.ndimage import convolve
    from skimage.filters import gabor_kernel

    colours = frame.double().clamp(0, 1).cpu().numpy()
    grey = (255 * np.tensordot(np.array(LUMA), colours, 1)).round().astype(np.uint8)
    kernels = [
        gabor_kernel(frequency, 0, sigma_x=sigma, sigma_y=sigma)  # type: ignore[no-untyped-call]
        for sigma in RELEASED_SIGMAS
        for frequency in RELEASED_FREQUENCIES
    ]
    responses = [convolve(grey, np.real(kernel), mode="wrap") for kernel in kernels]
    return np.stack(responses, -1).astype(np.float64)


def _k_means(
    features: Float[np.ndarray, "height width features"], clusters: int, seed: int
) -> Int[Tensor, "height width"]:
    from sklearn.cluster import KMeans

    points = features.reshape(-1, features.shape[-1]).astype(np.float32)
    clusters = min(clusters, len(np.unique(points, axis=0)))
    labels = KMeans(clusters, n_init=STARTS, random_state=seed).fit_predict(points)
    return torch.from_numpy(labels.reshape(features.shape[:2])).long()
