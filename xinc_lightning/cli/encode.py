"""``xinc encode``: a trained network as one self-contained file."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xinc_lightning.cli.console import Parser, one_line_errors
from xinc_lightning.compression import MAX_BITS, MIN_BITS
from xinc_lightning.errors import UserError
from xinc_lightning.modules.bit_allocation import smallest_within
from xinc_lightning.modules.clip_file import decode_clip, digest_of, encode_clip, facts_of
from xinc_lightning.modules.loading import load_run
from xinc_lightning.modules.quality import psnr, ssim
from xinc_lightning.runs.atomic import save
from xinc_lightning.text import printable


def main(args: Sequence[str]) -> None:
    """Encode the run's network, decode it again as a check, and write the file."""
    options = _parser().parse_args(args)
    with one_line_errors("encode"):
        module, clip = load_run(options.run)
        bits: float | Mapping[str, float] = options.bits or 8
        if options.max_loss is not None:
            bits = smallest_within(module, clip.frames, options.max_loss)
        content, frames = encode_clip(module, facts_of(clip), bits)
        start = time.perf_counter()
        decoded = decode_clip(content)
        with torch.no_grad():
            digest = digest_of(decoded.module.reconstruct())
        seconds = time.perf_counter() - start
        if digest != digest_of(frames):
            raise UserError("the file does not decode to the frames that were encoded; nothing is written.")
        save(options.out, content)
        floats = module.reconstruct()
    pixels = frames.shape[0] * frames.shape[2] * frames.shape[3]
    used = [*bits.values()] if isinstance(bits, Mapping) else [bits]
    rows = {
        "file": f"{options.out}, {len(content):,} bytes",
        "bpp": f"{8 * len(content) / pixels:.4f} bits per pixel",
        "bits": f"{min(used):.3g}"
        + (f" to {max(used):.3g} by tensor" if len(used) > 1 else "")
        + f", {8 * len(content) / module.budget.parameters:.3f} per parameter in the file",
        "PSNR, SSIM": f"{psnr(frames, clip.frames):.2f} dB, {ssim(frames, clip.frames):.4f}",
        "of float weights": f"{psnr(floats, clip.frames):.2f} dB, {ssim(floats, clip.frames):.4f}",
        "decoding": f"{len(frames) / seconds:.1f} frames/s",
    }
    table = Table(show_header=False, box=box.SIMPLE)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(printable(value)))
    Console().print(table)


def _parser() -> Parser:
    parser = Parser(prog="xinc encode", description="Write a run's network and its clip's facts to one file.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--bits", type=int, help=f"per weight before entropy coding, {MIN_BITS} to {MAX_BITS}; 8 unless given"
    )
    size.add_argument(
        "--max-loss", type=float, metavar="DB", help="the smallest file that loses at most so many dB of PSNR"
    )
    parser.add_argument("-o", "--out", type=Path, default=Path("clip.xinc"), help="file to write to")
    return parser
