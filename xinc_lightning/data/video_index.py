"""Which frames a video has and when each is shown: by its packets where these are exact, else by decoding."""

import json
from bisect import bisect_left, bisect_right
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from time import monotonic

from xinc_lightning.data.cache import cache_file, stamp, write_cache
from xinc_lightning.data.decoding import OpenVideo, opened_video
from xinc_lightning.data.errors import DataError
from xinc_lightning.data.progress import with_progress

LAYOUT = 1
"""Raise it when what is kept of a video changes."""

SLOW = 1.0
"""Seconds from which on it is worth keeping."""

FRAMED = {"mov", "matroska"}
ONE_FRAME_A_PACKET = {"h264", "hevc", "vvc", "vp9", "libdav1d", "av1", "prores", "ffv1"}
"""Codecs of which, in these containers, each packet is one frame: unlike VP8's, MPEG-4's or a broadcast's."""

PROGRESSIVE = (0, 1)
"""Field orders, unknown and none: elsewhere a packet may be half a frame."""

COMPARED = 24
"""Frames at the beginning that must come out when their packets say."""


MOST_FRAMES = 2_000_000
"""Frames of a video, 22 hours; a small file can announce the same bytes as a hundred million of them."""


@dataclass(frozen=True)
class FrameIndex:
    """The frames that ffmpeg presents of a video.

    Attributes:
        count: how many.
        height: rows of the first, upright.
        width: its columns.
        fps: frames a second on average, if the file says so.
        times: when each is shown, increasing, in the stream's units; None where only decoding tells.
        keys: times of the packets at which decoding can begin.
    """

    count: int
    height: int
    width: int
    fps: float | None
    times: list[int] | None = None
    keys: list[int] | None = None

    def number(self, time: int | None) -> int | None:
        """Number of the frame shown at this time, if there is one."""
        if self.times is None or time is None:
            return None
        place = bisect_left(self.times, time)
        return place if place < self.count and self.times[place] == time else None

    def first_from(self, time: int) -> int:
        """Number of the first frame shown at this time or later."""
        assert self.times is not None
        return bisect_left(self.times, time)

    def key_before(self, number: int) -> int | None:
        """Time of the last packet from which this frame can be decoded; None if only from the beginning."""
        if self.times is None or not self.keys:
            return None
        place = bisect_right(self.keys, self.times[number])
        return self.keys[place - 1] if place else None

    def key_after(self, number: int) -> int | None:
        """Number of the next frame at which decoding can begin."""
        if self.times is None or not self.keys:
            return None
        place = bisect_right(self.keys, self.times[number])
        return self.first_from(self.keys[place]) if place < len(self.keys) else None


def frame_index(path: Path) -> FrameIndex:
    """Find the frames of a video; what took long is kept until the file's size or modification time changes.

    The number of frames in a file's header is not asked: it is wrong after an edit, with a variable frame rate,
    with sound longer than the picture.

    Raises:
        DataError: the file cannot be opened, or none of its frames decoded.
    """
    with opened_video(path):  # its own errors before the cache's
        pass
    cache, mark = cache_file(path), stamp(path, LAYOUT)
    try:
        kept = json.loads(cache.read_bytes()) if cache is not None else {}
        if kept["stamp"] == mark:
            return FrameIndex(**kept["index"])
    except (OSError, ValueError, LookupError, TypeError):  # none yet, or damaged
        pass
    start = monotonic()
    index = index_by_packets(path) or index_by_decoding(path)
    if monotonic() - start > SLOW:
        write_cache(cache, json.dumps({"stamp": mark, "index": asdict(index)}).encode())
    return index


def index_by_packets(path: Path) -> FrameIndex | None:
    """Find the frames without decoding more than the first ones; None where packets are not frames."""
    with opened_video(path) as video:
        if not _packets_are_frames(video):
            return None
        shown, keys = [], []
        for packet in video.packets():
            if packet.pts is None:
                return None
            if packet.is_keyframe:
                keys.append(packet.pts)
            if not packet.is_discard:  # an edit list hides it
                shown.append(packet.pts)
                _check_number(len(shown), path)
    times = sorted(shown)
    with opened_video(path) as video:
        found: list[int | None] = []
        size = (0, 0)
        for frame in islice(video.frames(), min(COMPARED, len(times))):
            size = size if found else video.rgb(frame).shape[:2]
            found.append(frame.pts)
        if not found or len(set(times)) < len(times) or not set(found) <= set(times):
            return None
        if found != times[: len(found)] and not video.errors:  # else frames are missing because of damage
            return None
        return FrameIndex(len(times), *size, _rate(video), times, sorted(keys))


def index_by_decoding(path: Path) -> FrameIndex:
    """Count the frames that come out.

    Raises:
        DataError: none does.
    """
    count, size = 0, (0, 0)
    with opened_video(path) as video:
        rate, announced = _rate(video), video.stream.frames or None
        for frame in with_progress(
            video.frames(), announced, f"Counting the frames of {path.name}, this once"
        ):
            if count == 0:
                size = video.rgb(frame).shape[:2]
            count += 1
            _check_number(count, path)
        if count == 0:
            why = f"not one of its frames can be decoded ({video.errors[0]})" if video.errors else ""
            raise DataError(f"'{path}' is not a readable video: {why or 'it holds no frame'}")
    return FrameIndex(count, *size, rate)


def _check_number(frames: int, path: Path) -> None:
    if frames > MOST_FRAMES:
        raise DataError(f"'{path}' has more than {MOST_FRAMES:,} frames; cut the part that is needed")


def _packets_are_frames(video: OpenVideo) -> bool:
    if video.stream.codec_context.codec.intra_only:
        return True
    return (
        video.container.format.name.split(",")[0] in FRAMED
        and video.stream.codec_context.name in ONE_FRAME_A_PACKET
        and video.stream.codec_context.field_order in PROGRESSIVE
    )


def _rate(video: OpenVideo) -> float | None:
    rate = video.stream.average_rate or video.stream.guessed_rate
    return float(rate) if rate else None
