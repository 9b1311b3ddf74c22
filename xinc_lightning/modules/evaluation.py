"""Quality and size of a trained network, with float weights and after quantisation and entropy coding."""

from dataclasses import asdict, dataclass

import torch

from xinc_lightning.data import PanopticClip
from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.clip_file import encode_clip, facts_of
from xinc_lightning.modules.quality import psnr, ssim


@dataclass(frozen=True)
class Evaluation:
    """Quality over a whole clip, and size.

    Attributes:
        psnr: mean over the frames, dB.
        ssim: mean over the frames; NaN for frames of fewer than 6 rows or columns.
        parameters: trainable parameters.
        bpp: bits per pixel at 32 bits per parameter.
        quantized_bits: bits per weight of the quantisation.
        quantized_psnr: PSNR of the quantised network, dB.
        coded_bytes: length of the file that ``xinc encode`` writes: all that a decoder needs.
        coded_bits_per_parameter: 8·coded_bytes / parameters.
        coded_bpp: 8·coded_bytes over all pixels of the clip.
    """

    psnr: float
    ssim: float
    parameters: int
    bpp: float
    quantized_bits: int
    quantized_psnr: float
    coded_bytes: int
    coded_bits_per_parameter: float
    coded_bpp: float

    def scalars(self) -> dict[str, float]:
        """All values, by name."""
        return {name: float(value) for name, value in asdict(self).items()}


@torch.no_grad()
def evaluate(module: INRModule, clip: PanopticClip, bits: int = 8) -> Evaluation:
    """Evaluate a network on the clip it represents, with float weights and after quantisation.

    Args:
        module: the network's module, in evaluation mode.
        clip: ground truth in [0, 1].
        bits: bits per weight of the quantisation before entropy coding.
    """
    budget = module.budget
    rendered = module.reconstruct().to(clip.frames)
    mean_psnr, mean_ssim = psnr(rendered, clip.frames), ssim(rendered, clip.frames)
    del rendered  # before there are the decoded frames: each takes as much memory as the clip
    content, decoded = encode_clip(module, facts_of(clip), bits)
    return Evaluation(
        psnr=mean_psnr,
        ssim=mean_ssim,
        parameters=budget.parameters,
        bpp=budget.bpp,
        quantized_bits=bits,
        quantized_psnr=psnr(decoded.to(clip.frames), clip.frames),
        coded_bytes=len(content),
        coded_bits_per_parameter=8 * len(content) / budget.parameters,
        coded_bpp=8 * len(content) / budget.pixels,
    )
