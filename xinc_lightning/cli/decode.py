"""``xinc decode``: the frames of a file that ``xinc encode`` wrote."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from xinc_lightning.cli.console import Parser, note, one_line_errors, say
from xinc_lightning.compression.container import ClipFileError
from xinc_lightning.data import encode_mp4, encode_png
from xinc_lightning.data.pixels import to_uint8
from xinc_lightning.errors import UserError
from xinc_lightning.modules.clip_file import DecodedClip, decode_clip, digest_of
from xinc_lightning.runs.atomic import save
from xinc_lightning.runs.untrusted import UnreadableError, read_bytes
from xinc_lightning.text import counted

MOST_BYTES = 1 << 30
"""Of a file."""

STILLS_A_SECOND = 25.0
"""Frame rate of the video where the source has none."""


def main(args: Sequence[str]) -> None:
    """Render all frames; write them as pictures into a folder, or as a video."""
    options = _parser().parse_args(args)
    with one_line_errors("decode"):
        start = time.perf_counter()
        clip = _read(options.file)
        try:
            with torch.no_grad():
                frames = clip.module.reconstruct()
        except RuntimeError as error:
            if "memory" not in str(error):
                raise
            raise UserError(f"'{options.file}' has frames that do not fit into memory.") from None
        seconds = time.perf_counter() - start
        _write(options.out, to_uint8(frames), clip)
    if digest_of(frames) != clip.digest:
        note("this machine rounds differently from the one that encoded: some pixels may differ by 1 of 255.")
    decoded = f"{counted(len(frames), 'frame')} of '{clip.facts.name}'"
    say(f"{decoded}, {len(frames) / seconds:.1f} frames/s, in {options.out}")


def _read(path: Path) -> DecodedClip:
    try:
        return decode_clip(read_bytes(path, path.parent, MOST_BYTES))
    except FileNotFoundError:
        raise UserError(f"there is no file '{path}'.") from None
    except (ClipFileError, UnreadableError) as error:
        raise UserError(f"'{path}' {error}.") from None


def _write(out: Path, frames: np.ndarray, clip: DecodedClip) -> None:
    if out.suffix.lower() == ".mp4":
        save(out, encode_mp4(frames, clip.facts.fps or STILLS_A_SECOND))
        return
    for index, frame in zip(clip.facts.indices, frames, strict=True):
        save(out / f"{index:05d}.png", encode_png(frame))


def _parser() -> Parser:
    parser = Parser(prog="xinc decode", description="Render the frames of a file that xinc encode wrote.")
    parser.add_argument("file", type=Path, metavar="FILE", help="such as clip.xinc")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("frames"),
        help="folder for pictures, or a video such as out.mp4",
    )
    return parser
