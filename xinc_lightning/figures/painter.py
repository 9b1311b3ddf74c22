"""From figures to pixels: here, or in a process that draws while this one goes on computing.

Run as a program, this file is that process. It imports nothing but what drawing takes.
"""

import pickle
import struct
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from threading import Timer
from typing import IO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

SIZE = struct.Struct("<Q")

LONGEST = 60.0
"""Seconds that the process has for one figure, which takes it one or two; a frozen one is given up."""


def rasterize(figure: Figure) -> NDArray[np.uint8]:
    """The figure's pixels, [height, width, 3] bytes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return pixels[..., :3].copy()


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's content."""
    file = BytesIO()
    Image.fromarray(rasterize(figure)).save(file, "PNG", compress_level=1)  # twice as fast, a tenth larger
    return file.getvalue()


def png_now(figure: Figure) -> Future[bytes]:
    """As :meth:`Painter.png`, drawn here before this returns."""
    done: Future[bytes] = Future()
    done.set_result(png(_literal(figure)))
    return done


def figure_file(figure: Figure, kind: str) -> bytes:
    """The figure as the content of a file: ``png``, ``pdf`` or another kind that matplotlib knows."""
    file = BytesIO()
    _literal(figure).savefig(file, format=kind)
    return file.getvalue()


def _literal(figure: Figure) -> Figure:
    from xinc_lightning.figures.style import literal  # not known to the process that draws, which need not

    return literal(figure)


class Painter:
    """Draws figures in a process of its own, which begins with the first and ends with :meth:`close`, or with ours.

    Matplotlib holds the interpreter all the time, so that a thread would gain nothing. What that process cannot
    draw, for whatever reason, is drawn here.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._failed = False
        self._queue = ThreadPoolExecutor(1, "painter")

    def png(self, figure: Figure) -> Future[bytes]:
        """Draw the figure as it is now; the PNG comes later, or the error that drawing it raises."""
        try:
            packed = pickle.dumps(_literal(figure), pickle.HIGHEST_PROTOCOL)
        except Exception:  # something in it, say a function without a name, cannot travel
            return png_now(figure)
        return self._queue.submit(self._draw, packed)

    def close(self) -> None:
        """Wait for what is being drawn, and end the process."""
        self._queue.shutdown()
        if self._process is not None:
            try:
                self._process.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()

    def _draw(self, packed: bytes) -> bytes:
        if not self._failed:
            watchdog = Timer(LONGEST, self._kill)
            watchdog.start()
            try:
                return self._ask(packed)
            except (OSError, EOFError):
                self._failed = True
            finally:
                watchdog.cancel()
        return png(pickle.loads(packed))

    def _kill(self) -> None:
        """End a process that does not answer; whoever waits for it gets an EOFError, and draws itself."""
        if self._process is not None:
            self._process.kill()

    def _ask(self, packed: bytes) -> bytes:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, packed)
        drawn = _receive(self._process.stdout)
        if drawn is None:
            raise EOFError
        return drawn


def _send(stream: IO[bytes], data: bytes) -> None:
    stream.write(SIZE.pack(len(data)) + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """What was sent, None if nothing more comes."""
    header = stream.read(SIZE.size)
    if len(header) < SIZE.size:
        return None
    data = stream.read(SIZE.unpack(header)[0])
    return data if len(data) == SIZE.unpack(header)[0] else None


def _serve(figures: IO[bytes], pictures: IO[bytes]) -> None:
    """Draw what comes until nothing comes any more, or until something cannot be drawn."""
    while (packed := _receive(figures)) is not None:
        _send(pictures, png(pickle.loads(packed)))


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
