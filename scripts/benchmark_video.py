"""Benchmark of opening videos: 30 frames of 1080p, and 30 frames from two hours; it encodes the videos first.

python scripts/benchmark.py video [--folder FOLDER] [--minutes 120]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Draw = Callable[[int, tuple[int, int]], NDArray[np.uint8]]
"""A grey picture [height, width] of a number and a size."""

BITS = 20
"""Bars of a picture that spell its number."""

SELECTIONS = ("0:30", "::6000", "-30:")
MEASURED = """
import re, sys, time
from pathlib import Path
from xinc_lightning.data import load_clip, open_clip
status = Path("/proc/self/status")
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) // 1024  # what getrusage says is the parent's
before, start = peak(), time.perf_counter()
numbered = "--numbered" in sys.argv
clip = load_clip(open_clip(sys.argv[1]), sys.argv[2], crop=None, resize=(90, 160) if numbered else (128, 256))
print(f"{time.perf_counter() - start:.1f} s, at most {peak()} MB, {peak() - before} MB of it since the imports", end="")
if numbered:
    bars = clip.frames.mean(dim=(1, 2)).reshape(len(clip), 20, 8).mean(2) > 0.5
    numbers = tuple(sum(1 << bit for bit, on in enumerate(row) if on) for row in bars.tolist())
    print(f", {len(clip)} frames,", "exact" if numbers == clip.indices else "WRONG", end="")
print()
"""


def main(arguments: list[str]) -> None:
    """Encode the videos and print time and memory of opening them."""
    parser = argparse.ArgumentParser(
        prog="benchmark.py video", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where the films are kept and found again")
    parser.add_argument("--minutes", type=int, default=120, help="length of the long film")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        hd = made(folder / "1080p.mp4", 60, (1080, 1920), scenery)
        print("30 frames of 1080p:", opening(hd, "0:30", folder))
        for suffix in (".mp4", ".mkv"):
            long = made(
                folder / f"{options.minutes}min{suffix}", options.minutes * 60 * 25, (90, 160), numbered
            )
            print(
                f"{options.minutes} minutes in {suffix}, {long.stat().st_size // 2**20} MB, keyframes every 10 s"
            )
            for selection in SELECTIONS:
                print(f"  {selection:8}", opening(long, selection, folder, "--numbered"))


def opening(path: Path, selection: str, cache: Path, *flags: str) -> str:
    """Open a clip in a separate process, and measure time and memory."""
    command = [sys.executable, "-c", MEASURED, str(path), selection, *flags]
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def made(path: Path, frames: int, size: tuple[int, int], draw: Draw) -> Path:
    """Encode a video, unless it exists."""
    if path.exists():
        return path
    half = path.with_name(f"half-{path.name}")
    with av.open(str(half), "w") as file:
        stream = file.add_stream(
            "libx264", 25, options={"preset": "ultrafast", "g": "250", "bf": "2", "crf": "30"}
        )
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for frame in pictures(frames, size, draw):
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    half.rename(path)
    return path


def pictures(frames: int, size: tuple[int, int], draw: Draw) -> Iterator[av.VideoFrame]:
    """Frames to encode."""
    for number in range(frames):
        yield av.VideoFrame.from_ndarray(draw(number, size), format="gray").reformat(format="yuv420p")


def numbered(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bars, white where the number's bit is set."""
    bits = (number >> np.arange(BITS) & 1).astype(np.uint8) * 230
    return np.ascontiguousarray(np.broadcast_to(np.repeat(bits, size[1] // BITS), size))


def scenery(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A texture that moves, and a camera's noise."""
    texture = np.random.default_rng(0).integers(0, 200, (size[0] // 4, size[1] // 4), np.uint8)
    moved = np.roll(texture.repeat(4, 0).repeat(4, 1), (3 * number, 5 * number), (0, 1))
    return moved + np.random.default_rng(number).integers(0, 50, size, np.uint8)
