"""Video files decoded by ffmpeg to upright RGB frames, with errors of one sentence."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from xinc_lightning.data.errors import DataError, existing, reason
from xinc_lightning.data.images import over_black
from xinc_lightning.data.orientation import UPRIGHT, Orientation

THREADS = 8
"""Each keeps some frames in memory."""

READS_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders to take where a WebM has transparency, which ffmpeg's own leave out."""

MATRICES = {*range(18)} - {3}
"""What a frame may state of its colours' matrix; other numbers, and the reserved 3, state nothing."""

HEIF_BRANDS = {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}
ADVICE = "ffmpeg -i IN -c:v ffv1 OUT.mkv"


@dataclass
class OpenVideo:
    """A video file, open.

    Attributes:
        container: the file.
        stream: its pictures.
        decoder: of the stream.
        path: of the file.
        errors: what went wrong so far, in ffmpeg's words.
    """

    container: InputContainer
    stream: VideoStream
    decoder: VideoCodecContext
    path: Path
    errors: list[str] = field(default_factory=list)
    _orientation: Orientation | None = None

    def packets(self) -> "Iterator[Packet[VideoStream]]":
        """What is whole and can be decoded, to the end of the file or to where it cannot be followed further.

        Raises:
            DataError: the operating system refuses to read on.
        """
        try:
            for packet in self.container.demux(self.stream):
                if packet.is_corrupt:  # the file ends within it, or a broadcast has lost a part of it
                    self.errors.append("its data is not complete")
                elif packet.size:  # an empty one would end the decoding
                    yield packet
        except OSError as error:
            raise DataError(f"'{self.path}' cannot be read to its end: {reason(error)}") from None
        except av.FFmpegError as error:
            self.errors.append(str(error.strerror))
        except IndexError:
            # At the very end of a file in which streams appear on the way, PyAV loses count of them.
            pass

    def frames(self, packets: "Iterator[Packet[VideoStream]] | None" = None) -> Iterator[VideoFrame]:
        """Decode packets, all unless given, and go on after damaged ones; ``errors`` tells of these."""
        for packet in packets or self.packets():
            yield from self._decoded(packet)
        yield from self._decoded(None)

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        try:
            return self.decoder.decode(packet)
        except av.FFmpegError as error:
            self.errors.append(str(error.strerror))
            return []

    def rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Turn a decoded frame into upright [height, width, 3] RGB, transparent pixels over black.

        Any pixel format, with the matrix and range of colours that the frame states; high bit depths are scaled to 8.

        Raises:
            DataError: ffmpeg cannot convert colours of this matrix.
        """
        if self._orientation is None:
            # Asked once: a frame that was asked for its side data stays in memory until garbage is collected.
            side_data: Any = frame.side_data
            matrix = side_data.get("DISPLAYMATRIX")
            self._orientation = UPRIGHT if matrix is None else Orientation.from_matrix(bytes(matrix))
        has_alpha = frame.format.has_palette or len(frame.format.components) in (2, 4)
        colours = None if frame.colorspace in MATRICES else Colorspace.DEFAULT
        try:
            converted = frame.reformat(
                format="rgba" if has_alpha else "rgb24",
                src_colorspace=colours,
                dst_colorspace=colours,
                threads=1,
            )
        except av.FFmpegError as error:
            raise DataError(
                f"'{self.path}' has colours of the kind {frame.format.name} with matrix {frame.colorspace}, which "
                f"cannot be made RGB ({error.strerror}); convert them: {ADVICE}"
            ) from None
        pixels: Any = converted.to_ndarray()
        return self._orientation.turn(over_black(pixels) if has_alpha else pixels)


@contextmanager
def opened_video(path: Path) -> Iterator[OpenVideo]:
    """Open a video.

    Raises:
        DataError: the file is missing, empty, damaged, no video, or nothing here decodes it.
    """
    if existing(path).stat().st_size == 0:
        raise DataError(f"'{path}' is an empty file")
    try:
        # Behind "file:" a name may look like an address; titles in any encoding are none of our business.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except OSError as error:
        raise DataError(f"'{path}' cannot be opened: {reason(error)}") from None
    except av.FFmpegError:
        raise DataError(_why_not_opened(path)) from None
    with container:
        stream = _picture_stream(container, path)
        stream.thread_type = ThreadType.AUTO
        stream.thread_count = min(os.cpu_count() or 1, THREADS)
        decoder = stream.codec_context
        with_alpha = READS_ALPHA.get(decoder.name)
        if stream.metadata.get("alpha_mode") == "1" and with_alpha in av.codecs_available:
            decoder = av.CodecContext.create(str(with_alpha), "r")  # type: ignore[assignment]
        yield OpenVideo(container, stream, decoder, path)


def _picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream a player would show.

    Raises:
        DataError: there is none, or no decoder for it.
    """
    if container.format.name == "tty":  # ffmpeg would draw any text file
        raise DataError(f"'{path}' is not a readable video or image")
    if container.metadata.get("major_brand") in HEIF_BRANDS:
        raise DataError(f"'{path}' is a HEIF photo, which cannot be read; save it as PNG or JPEG")
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not streams:
        held = ", ".join(sorted({stream.type for stream in container.streams}))
        raise DataError(f"'{path}' holds no video{f', only {held}' if held else ''}")
    best = container.streams.best("video")
    stream = next((stream for stream in streams if stream is best), streams[0])
    if stream.codec_context is None:
        raise DataError(
            f"'{path}' is a video encoded as {_codec_name(container)}, for which there is no decoder here; "
            f"convert it where it plays: {ADVICE}"
        )
    return stream


def _codec_name(container: InputContainer) -> str:
    """What ffmpeg calls a codec that it cannot decode: its name, or the four letters in the file."""
    with av.logging.Capture():
        level = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)  # below, the description is empty
        described: str = container.dumps_format()  # type: ignore[attr-defined]
        av.logging.set_level(level)
    found = re.search(r"Video: (\w+) \((\S+)", described)
    if found is None:
        return "something unknown"
    return f"'{found[2]}'" if found[1] == "none" else found[1].upper()


def _why_not_opened(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"free", b"skip"):
        return (
            f"'{path}' is a damaged video: it is cut off before the list of its frames (moov), which is written "
            "last, so none can be found; get the whole file"
        )
    if head[:4] in (b"\x1a\x45\xdf\xa3", b"RIFF", b"OggS", b"FLV\x01") or head[4:8] == b"moov":
        return f"'{path}' is a damaged video: its beginning cannot be read, so no frame can be found"
    return f"'{path}' is not a readable video or image"
