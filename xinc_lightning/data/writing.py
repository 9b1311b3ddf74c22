"""Frames as the content of picture files, of a video and of an animated picture."""

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
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

INDEX, INDEX_A_FRAME = 4096, 32
"""Bytes kept at the beginning of a video for its index, so that a browser plays it before all has come."""


def encode_png(frame: NDArray[np.uint8]) -> bytes:
    """A frame [height, width, 3] as a PNG file."""
    file = BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return file.getvalue()


def encode_mp4(frames: NDArray[np.uint8], fps: float = 25.0) -> bytes:
    """Frames as a video file that browsers and slides play: H.264, yuv420p.

    That format has even sides only: an odd one is made even by showing its last row or column twice.

    Args:
        frames: [frame, height, width, 3] RGB.
        fps: frames a second.

    Raises:
        DataError: if it cannot be encoded.
    """
    encoder = next((name for name in ENCODERS if name in av.codecs_available), None)
    if encoder is None:
        raise DataError(f"no video can be written: this PyAV has none of the encoders {', '.join(ENCODERS)}")
    odd_rows, odd_columns = (side % 2 for side in frames.shape[1:3])
    file = BytesIO()
    options = {"moov_size": str(INDEX + INDEX_A_FRAME * len(frames))}
    try:
        with av.open(file, "w", format="mp4", options=options) as container:
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
    except av.FFmpegError as error:
        raise DataError(f"the video cannot be encoded: {error.strerror}") from None
    return file.getvalue()


def encode_gif(frames: NDArray[np.uint8], seconds: Sequence[float]) -> bytes:
    """Frames as an animated GIF that never ends; all share one palette, so that colours keep their meaning.

    Args:
        frames: [frame, height, width, 3] RGB.
        seconds: how long each frame is shown.
    """
    seen = Image.fromarray(np.concatenate(frames[:, ::2, ::2]))
    palette = seen.quantize(256, method=Image.Quantize.MAXCOVERAGE)
    first, *others = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    ]
    durations = [round(1000 * s) for s in seconds]
    file = BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
    return file.getvalue()
