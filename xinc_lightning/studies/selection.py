"""What is left of a network without chosen neurons: quality, and the bytes of its file."""

from dataclasses import dataclass

import torch

from xinc_lightning.data import PanopticClip
from xinc_lightning.modules import INRModule
from xinc_lightning.modules.clip_file import encode_clip, facts_of
from xinc_lightning.modules.quality import psnr
from xinc_lightning.pruning import Masks, shares_kept


@dataclass(frozen=True)
class Measured:
    """A network and its file.

    Attributes:
        content: the file, as of ``xinc encode``.
        frame: PSNR in dB of the frame that was looked at, of the float weights.
        frames: mean PSNR of all frames, of the float weights.
        coded: mean PSNR of the frames that the file decodes to.
        bpp: bits per pixel of the file.
        kernels: share that is kept.
        parameters: share that is kept.
    """

    content: bytes
    frame: float
    frames: float
    coded: float
    bpp: float
    kernels: float
    parameters: float


@torch.no_grad()
def measure_pruned(
    module: INRModule, masks: Masks, clip: PanopticClip, frame: int, bits: int = 8
) -> Measured:
    """Measure a network as it is; nothing is trained before.

    Args:
        module: the network, in evaluation mode, pruned already.
        masks: what of it is kept.
        clip: that it was trained on.
        frame: position of the frame that is measured alone.
        bits: of the file's quantisation.
    """
    content, coded = encode_clip(module, facts_of(clip), bits)
    frames = module.reconstruct()
    kernels, parameters = shares_kept(module, masks)
    return Measured(
        content=content,
        frame=psnr(frames[[frame]], clip.frames[[frame]]),
        frames=psnr(frames, clip.frames),
        coded=psnr(coded.to(clip.frames), clip.frames),
        bpp=8 * len(content) / module.budget.pixels,
        kernels=kernels,
        parameters=parameters,
    )
