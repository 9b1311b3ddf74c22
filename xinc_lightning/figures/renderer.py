"""Renders figures to pixels, here or in a separate process while this one goes on computing.

Run as a program, this file is that process. It imports only what rendering needs.
"""

import pickle
import struct
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from threading import Timer
from typing import IO, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

SIZE = struct.Struct("<Q")

LONGEST = 60.0
"""Seconds that the process has for one figure, which takes it one or two; a frozen one is given up."""

AS_IT_IS: Any = {"text.parse_math": False}
"""For texts that matplotlib makes only while it draws."""


def rasterize(figure: Figure) -> NDArray[np.uint8]:
    """The figure's pixels, [height, width, 3] bytes."""
    canvas = FigureCanvasAgg(figure)
    with rc_context(AS_IT_IS):
        canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return pixels[..., :3].copy()


def png(figure: Figure) -> bytes:
    """The figure as the content of a PNG file."""
    file = BytesIO()
    Image.fromarray(rasterize(figure)).save(file, "PNG", compress_level=1)  # twice as fast, a tenth larger
    return file.getvalue()


def png_now(figure: Figure) -> Future[bytes]:
    """Like :meth:`Renderer.png`, but rendered in this process before it returns."""
    done: Future[bytes] = Future()
    done.set_result(png(_literal(figure)))
    return done


def figure_file(figure: Figure, kind: str) -> bytes:
    """The figure as the content of a file: ``png``, ``pdf`` or another format of matplotlib."""
    file = BytesIO()
    with rc_context(AS_IT_IS):
        _literal(figure).savefig(file, format=kind)
    return file.getvalue()


def _literal(figure: Figure) -> Figure:
    from xinc_lightning.figures.style import literal  # here, because the rendering process does not need it

    return literal(figure)


class Renderer:
    """Renders figures in a separate process, from the first figure until :meth:`close` or until this process exits.

    Matplotlib holds the GIL while rendering, so that a thread would gain nothing. If the process fails for whatever
    reason, figures are rendered in this one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._failed = False
        self._queue = ThreadPoolExecutor(1, "renderer")

    def png(self, figure: Figure) -> Future[bytes]:
        """Render the figure as it is now; the future holds the PNG, or the error of rendering it."""
        try:
            packed = pickle.dumps(_literal(figure), pickle.HIGHEST_PROTOCOL)
        except Exception:  # something in it, such as a lambda, cannot be pickled
            return png_now(figure)
        return self._queue.submit(self._render, packed)

    def close(self) -> None:
        """Wait for figures that are being rendered, and stop the process."""
        self._queue.shutdown()
        if self._process is not None:
            try:
                self._process.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()

    def _render(self, packed: bytes) -> bytes:
        if not self._failed:
            watchdog = Timer(LONGEST, self._kill)
            watchdog.start()
            try:
                return self._render_in_process(packed)
            except (OSError, EOFError):
                self._failed = True
            finally:
                watchdog.cancel()
        return png(pickle.loads(packed))

    def _kill(self) -> None:
        """Kill a process that does not answer; whoever waits for it gets an EOFError, and renders here."""
        if self._process is not None:
            self._process.kill()

    def _render_in_process(self, packed: bytes) -> bytes:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C must not reach it
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, packed)
        rendered = _receive(self._process.stdout)
        if rendered is None:
            raise EOFError
        return rendered


def _send(stream: IO[bytes], data: bytes) -> None:
    stream.write(SIZE.pack(len(data)) + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """The next message, None at the end of the stream."""
    header = stream.read(SIZE.size)
    if len(header) < SIZE.size:
        return None
    data = stream.read(SIZE.unpack(header)[0])
    return data if len(data) == SIZE.unpack(header)[0] else None


def _serve(figures: IO[bytes], pictures: IO[bytes]) -> None:
    """Render figures until the end of the stream, or until one cannot be rendered."""
    while (packed := _receive(figures)) is not None:
        _send(pictures, png(pickle.loads(packed)))


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
