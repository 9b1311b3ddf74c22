"""Frames of a video file, each found by the keyframe before it and exactly."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from xinc_lightning.data.decoding import OpenVideo, opened_video
from xinc_lightning.data.errors import DataError
from xinc_lightning.data.video_index import FrameIndex, frame_index


@dataclass(frozen=True)
class VideoFile:
    """Frames of a video file; their names are their numbers with five digits."""

    path: Path

    @cached_property
    def index(self) -> FrameIndex:
        """Which frames there are."""
        return frame_index(self.path)

    @property
    def names(self) -> list[str]:
        """``00000``, ``00001``, ..."""
        return [f"{number:05d}" for number in range(self.index.count)]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        return self.index.height, self.index.width

    @property
    def fps(self) -> float | None:
        """Frames a second, on average."""
        return self.index.fps

    def read(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Decode these frames; a damaged one, or one that depends on such, is an error."""
        with _Walk(self.path, self.index) as walk:
            for number in indices:
                yield walk.to(number)

    def describe(self, index: int) -> str:
        """Frame number and path."""
        return f"frame {index} of '{self.path}'"

    def flow_stem(self, index: int) -> Path:
        """In the folder ``<video>_flow`` beside the video."""
        return self.path.with_name(f"{self.path.stem}_flow") / f"{index:05d}"


class _Walk:
    """Goes through a video to increasing frame numbers, over as few frames as it can.

    It trusts no jump: the file must land on a keyframe that is not too late, and every frame from there must come
    out whole and in turn; if not, it begins at the beginning.
    """

    def __init__(self, path: Path, index: FrameIndex) -> None:
        self.path = path
        self.index = index
        self._files = ExitStack()

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def to(self, number: int) -> NDArray[np.uint8]:
        """Decode this frame, as RGB.

        Raises:
            DataError: it is damaged, or one that it depends on.
        """
        key = self.index.key_before(number)
        if key is not None and self.index.first_from(key) > self._next:
            self._jump(key)
        frame = self._walk(number)
        if frame is None and self._jumped:
            self._begin()
            frame = self._walk(number)
        if frame is None:
            raise DataError(self._damage_report(number))
        return self._video.rgb(frame)

    def _begin(self) -> None:
        self._files.close()
        self._video: OpenVideo = self._files.enter_context(opened_video(self.path))
        self._frames = self._video.frames()
        self._next = 0
        self._from: int | None = None
        self._jumped = False
        self._damaged: int | None = None
        self._errors = 0

    def _jump(self, key: int) -> None:
        """Go to the packet of this time, or to an earlier one from which decoding can begin."""
        self._video.container.seek(key, stream=self._video.stream)
        self._video.decoder.flush_buffers()
        packets = self._video.packets()
        first = next(packets, None)
        if first is None or not first.is_keyframe or first.pts is None or first.pts > key:
            self._begin()
            return
        self._frames = self._video.frames(chain([first], packets))
        self._from = first.pts  # frames shown before it depend on what was jumped over
        self._next = self.index.first_from(first.pts)
        self._jumped = True
        self._damaged = None

    def _walk(self, number: int) -> VideoFrame | None:
        """The frame of this number; None if it does not come out whole."""
        for frame in self._frames:
            if self._from is not None and frame.pts is not None and frame.pts < self._from:
                continue
            here = self._next if self.index.times is None else self.index.number(frame.pts)
            if here is None:
                raise DataError(
                    f"'{self.path}' shows a frame that its packets do not announce, after frame "
                    f"{self._next - 1}; convert it, and its frames can be counted: "
                    "ffmpeg -i IN -c:v ffv1 OUT.mkv"
                )
            self._note_damage(here, frame)
            self._next = here + 1
            if here == number and self._damaged is None:
                return frame
            if here >= number:
                return None
        self._damaged = self._next if self._damaged is None else self._damaged
        return None

    def _note_damage(self, here: int, frame: VideoFrame) -> None:
        """Damage lasts from a frame that is missing or not whole to the next that depends on no other."""
        failed = self.index.times is None and len(self._video.errors) > self._errors
        self._errors = len(self._video.errors)
        if frame.is_corrupt:
            self._damaged = here if self._damaged is None else self._damaged
        elif frame.key_frame:
            self._damaged = None
        elif (here > self._next or failed) and self._damaged is None:
            self._damaged = self._next

    def _damage_report(self, number: int) -> str:
        first = number if self._damaged is None else min(self._damaged, number)
        words = self._video.errors[-1] if self._video.errors else "its data is not complete"
        at = f"frame {number} of '{self.path}' is damaged ({words})"
        if first < number:
            at = f"frame {number} of '{self.path}' depends on frame {first}, which is damaged ({words})"
        later = self.index.key_after(number)
        good = [f"before {first}"] * (first > 0) + [f"from {later} on"] * (later is not None)
        return f"{at}; {'choose among the frames ' + ' or '.join(good) if good else 'no frame is good'}"
