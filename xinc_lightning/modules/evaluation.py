"""Quality and size of a trained network, with float weights and after quantisation and entropy coding."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from xinc_lightning.data import PanopticClip
from xinc_lightning.modules.base import SSIM_SIDE, INRModule
from xinc_lightning.modules.clip_file import encode_clip, facts_of


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
    content, decoded = encode_clip(module, facts_of(clip), bits)
    rendered = module.reconstruct().to(clip.frames)
    return Evaluation(
        psnr=psnr(rendered, clip.frames),
        ssim=ssim(rendered, clip.frames),
        parameters=budget.parameters,
        bpp=budget.bpp,
        quantized_bits=bits,
        quantized_psnr=psnr(decoded.to(clip.frames), clip.frames),
        coded_bytes=len(content),
        coded_bits_per_parameter=8 * len(content) / budget.parameters,
        coded_bpp=8 * len(content) / budget.pixels,
    )


def psnr(prediction: Tensor, target: Tensor) -> float:
    """PSNR in dB, the mean over the frames of [frames, 3, height, width] in [0, 1]."""
    return float(peak_signal_noise_ratio(prediction, target, data_range=1.0, dim=(1, 2, 3)))


def ssim(prediction: Tensor, target: Tensor) -> float:
    """SSIM, the mean over the frames of [frames, 3, height, width] in [0, 1]; NaN where it is undefined.

    All pixels count, those at the border with the frame's mirror image in their windows; skimage leaves a margin of
    5 pixels out and is 0.015 higher or lower.
    """
    if min(target.shape[-2:]) < SSIM_SIDE:
        return float("nan")
    # One frame at a time: the windows of a frame take a hundred times its memory.
    total = 0.0
    for frame in range(len(target)):
        pair = prediction[frame : frame + 1], target[frame : frame + 1]
        value = structural_similarity_index_measure(*pair, data_range=1.0)
        assert isinstance(value, Tensor)
        total += float(value)
    return total / len(target)
