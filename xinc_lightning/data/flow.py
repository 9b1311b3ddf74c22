"""Optical flow between neighbouring frames of a clip, at the resolution the clip was recorded in."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.data.clip import PanopticClip
from xinc_lightning.data.errors import DataError
from xinc_lightning.data.pixels import to_uint8

SMALLEST = 32
"""Smaller sides are padded to this many pixels: DIS refuses frames under 12."""

FLO_TAG = 202021.25
UNKNOWN = 1e9
"""Vectors in .flo files from here on mean that the motion is unknown."""


def optical_flow(clip: PanopticClip, t: int) -> Tensor:
    """Motion from frame t-1 to frame t (§4.5, Fig. 9).

    A flow file beside the source frame (``<frame>.flo``, or ``<frame>.npy`` [height, width, 2]; for a video
    in the folder ``<video>_flow``) is used if there is one and the two frames are neighbours in the source;
    it is named after the earlier frame, and unknown vectors in it count as no motion. Otherwise DIS flow is
    computed between the source frames. Either way the vectors are cropped and averaged down like the clip's
    frames.

    Args:
        clip: a clip of at least two frames.
        t: position of the later frame, 1 or more.

    Returns:
        [2, height, width]: for each pixel of frame t-1, how many of the clip's pixels it moves right and
        down.

    Raises:
        DataError: there is no such pair of frames, or the flow file cannot be used.
    """
    if not 1 <= t < len(clip):
        pairs = f"t from 1 to {len(clip) - 1}" if len(clip) > 1 else "no motion: it has one frame"
        raise DataError(f"no optical flow at t={t}: the clip '{clip.name}' has {pairs}")
    if clip.files is None:
        before, after = (to_uint8(clip.frames[position]) for position in (t - 1, t))
        return torch.from_numpy(dense_flow(before, after)).permute(2, 0, 1)
    source = clip.files.frames
    first, second = clip.indices[t - 1 : t + 1]
    stem = source.flow_stem(first)
    supplied = [path for suffix in (".flo", ".npy") if (path := stem.with_name(stem.name + suffix)).is_file()]
    if supplied and second == first + 1:
        flow = read_flow(supplied[0])
        if flow.shape[:2] != source.size:
            raise DataError(
                f"flow '{supplied[0]}' has {flow.shape[0]}×{flow.shape[1]} vectors, but "
                f"{source.describe(first)} has {source.size[0]}×{source.size[1]} pixels"
            )
    else:
        before, after = source.read([first, second])
        flow = dense_flow(before, after)
    top, bottom, left, right = clip.box or (0, flow.shape[0], 0, flow.shape[1])
    return _resize_flow(
        torch.from_numpy(flow[top:bottom, left:right]).permute(2, 0, 1), clip.height, clip.width
    )


def dense_flow(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Dense inverse search flow [height, width, 2] (right, down) between two RGB frames of one size."""
    height, width = before.shape[:2]
    pad = ((0, max(SMALLEST - height, 0)), (0, max(SMALLEST - width, 0)))
    grey = [np.pad(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), pad, mode="edge") for frame in (before, after)]
    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: NDArray[np.float32] = search.calc(grey[0], grey[1], None)
    return np.ascontiguousarray(flow[:height, :width])


def read_flow(path: Path) -> NDArray[np.float32]:
    """Read a Middlebury .flo or a NumPy .npy file as [height, width, 2] (right, down).

    Raises:
        DataError: it is damaged or not laid out as flow.
    """
    try:
        flow = _read_flo(path) if path.suffix == ".flo" else np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"'{path}' is not a readable flow file: {error}") from None
    if flow.ndim != 3 or flow.shape[2] != 2 or not np.issubdtype(flow.dtype, np.floating):
        raise DataError(
            f"'{path}' holds {flow.dtype} {[*flow.shape]}; flow is float [height, width, 2] (right, down)"
        )
    flow = flow.astype(np.float32)
    flow[~(np.abs(flow) < UNKNOWN).all(axis=2)] = 0
    return flow


def _read_flo(path: Path) -> NDArray[np.float32]:
    content = path.read_bytes()
    if len(content) < 12 or np.frombuffer(content, "<f4", 1)[0] != np.float32(FLO_TAG):
        raise ValueError("it does not begin as .flo files do")
    width, height = (int(side) for side in np.frombuffer(content, "<i4", 2, offset=4))
    if len(content) != 12 + 8 * width * height:
        raise ValueError(f"{width}×{height} vectors take {12 + 8 * width * height} bytes, not {len(content)}")
    return np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2)


def _resize_flow(flow: Tensor, height: int, width: int) -> Tensor:
    scale = torch.tensor([width / flow.shape[2], height / flow.shape[1]])
    return F.interpolate(flow[None], (height, width), mode="area")[0] * scale[:, None, None]
