"""Writing frames as picture files, as a video and as an animated picture."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from xinc_lightning.data.errors import DataError

ENCODERS = {"libx264": {"crf": "17", "preset": "medium"}, "libopenh264": {}, "mpeg4": {"q": "2"}}
"""What to encode with, the first that is there: H.264, which every browser plays, before MPEG-4."""

FINEST_CLOCK = 1001 * 1000
"""Frame rates are fractions such as 30000/1001."""


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
    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in zip(indices, frames, strict=True):
        Image.fromarray(frame).save(folder / f"{index:05d}.png")
    write_mp4(folder / "clip.mp4", frames, fps)


def write_mp4(path: Path, frames: NDArray[np.uint8], fps: float) -> None:
    """Write frames as a video that browsers and slides play: H.264, yuv420p.

    That format has even sides only: an odd one is made even by showing its last row or column twice.

    Args:
        path: of the file.
        frames: [frame, height, width, 3] RGB.
        fps: frames a second.

    Raises:
        DataError: if it cannot be encoded or written.
    """
    encoder = next((name for name in ENCODERS if name in av.codecs_available), None)
    if encoder is None:
        raise DataError(
            f"'{path}' cannot be written: this PyAV has none of the encoders {', '.join(ENCODERS)}"
        )
    odd_rows, odd_columns = (side % 2 for side in frames.shape[1:3])
    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream: Any = container.add_stream(encoder, Fraction(fps).limit_denominator(FINEST_CLOCK))
            stream.height, stream.width = frames.shape[1] + odd_rows, frames.shape[2] + odd_columns
            stream.pix_fmt = "yuv420p"
            stream.options = dict(ENCODERS[encoder])
            stream.colorspace, stream.color_range = Colorspace.ITU709, ColorRange.MPEG
            for frame in frames:
                even = np.pad(frame, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
                picture = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
                    format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"'{path}' cannot be written: {error.strerror}") from None


def write_gif(path: Path, frames: NDArray[np.uint8], seconds: Sequence[float]) -> None:
    """Write frames as an animated GIF that never ends; all share one palette, so that colours keep their meaning.

    Args:
        path: of the file.
        frames: [frame, height, width, 3] RGB.
        seconds: how long each frame is shown.
    """
    seen = Image.fromarray(np.concatenate(frames[:, ::2, ::2]))
    palette = seen.quantize(256, method=Image.Quantize.MAXCOVERAGE)
    first, *others = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    ]
    durations = [round(1000 * s) for s in seconds]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0)
