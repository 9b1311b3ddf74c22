"""Writing frames as picture files, as a video and as an animated picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xinc_lightning.data.errors import DataError


def write_video(folder: Path, frames: NDArray[np.uint8], indices: Sequence[int], fps: float = 25.0) -> None:
    """Write ``<index>.png`` for each frame and ``clip.mp4`` of all of them.

    Args:
        folder: made if it does not exist.
        frames: [frame, height, width, 3] RGB.
        indices: each frame's number in its source, which names its file.
        fps: frames a second of the video.

    Raises:
        DataError: if the video cannot be written; the pictures then are there nevertheless.
    """
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in zip(indices, frames, strict=True):
        cv2.imwrite(str(folder / f"{index:05d}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    write_mp4(folder / "clip.mp4", frames, fps)


def write_mp4(path: Path, frames: NDArray[np.uint8], fps: float) -> None:
    """Write frames as MPEG-4 video.

    Args:
        path: of the file.
        frames: [frame, height, width, 3] RGB.
        fps: frames a second.

    Raises:
        DataError: if this OpenCV cannot.
    """
    import cv2

    height, width = frames.shape[1:3]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    if not video.isOpened():
        raise DataError(f"'{path}' cannot be written: this OpenCV has no MPEG-4 encoder for {width}×{height}")
    for frame in frames:
        video.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    video.release()


def write_gif(path: Path, frames: NDArray[np.uint8], seconds: Sequence[float]) -> None:
    """Write frames as an animated GIF that never ends; all share one palette, so that colours keep their meaning.

    Args:
        path: of the file.
        frames: [frame, height, width, 3] RGB.
        seconds: how long each frame is shown.
    """
    from PIL import Image

    seen = Image.fromarray(np.concatenate(frames[:, ::2, ::2]))
    palette = seen.quantize(256, method=Image.Quantize.MAXCOVERAGE)
    first, *others = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    ]
    durations = [round(1000 * s) for s in seconds]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0)
