"""Quality and size of a trained network, with float weights and after quantisation and entropy coding."""

import copy
from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from xinc_lightning.compression import decode_network, encode_network, quantize_weights
from xinc_lightning.modules.base import SSIM_SIDE, INRModule


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
        coded_bytes: entropy-coded weights and buffers, all that a decoder needs besides the architecture.
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
def evaluate(module: INRModule, frames: Tensor, bits: int = 8) -> Evaluation:
    """Evaluate a network on the clip it represents, with float weights and after quantisation.

    Args:
        module: the network's module, in evaluation mode.
        frames: [frames, 3, height, width] ground truth in [0, 1].
        bits: bits per weight of the quantisation before entropy coding.

    Raises:
        RuntimeError: if the decoded weights differ from the encoded ones.
    """
    budget = module.budget
    coded = encode_network(module.network, bits, module.channel_dims)
    stored = decode_network(coded, module.network, bits, module.channel_dims)
    for name, weights in quantize_weights(
        dict(module.network.named_parameters()), bits, module.channel_dims
    ).items():
        if not torch.equal(stored[name], weights.dequantize().cpu()):
            raise RuntimeError("The decoded weights differ from those that were entropy coded.")

    rendered = module.reconstruct().to(frames)
    decoder = copy.deepcopy(module)
    decoder.load_network(stored)
    return Evaluation(
        psnr=psnr(rendered, frames),
        ssim=ssim(rendered, frames),
        parameters=budget.parameters,
        bpp=budget.bpp,
        quantized_bits=bits,
        quantized_psnr=psnr(decoder.reconstruct().to(frames), frames),
        coded_bytes=len(coded),
        coded_bits_per_parameter=8 * len(coded) / budget.parameters,
        coded_bpp=8 * len(coded) / budget.pixels,
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
