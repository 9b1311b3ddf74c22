"""What is left of a network without chosen neurons: quality, and the bytes of its file."""

from dataclasses import dataclass

import torch

from xinc_lightning.canvas.linear import Neuron
from xinc_lightning.data import PanopticClip
from xinc_lightning.errors import UserError
from xinc_lightning.modules import INRModule
from xinc_lightning.modules.clip_file import encode_clip, facts_of
from xinc_lightning.modules.evaluation import psnr
from xinc_lightning.pruning.masks import Masks, masks_of, shares_kept
from xinc_lightning.pruning.selection import Selection, without_neurons


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


def prune_selection(
    module: INRModule, clip: PanopticClip, selection: Selection, neuron: Neuron, bits: int = 8
) -> tuple[Measured, Measured]:
    """Measure a network as it is, and without the selected neurons; nothing is trained after it.

    Args:
        module: the network, in evaluation mode.
        clip: that it was trained on.
        selection: what goes.
        neuron: what counts as one in a linear layer.
        bits: of the files' quantisation.

    Raises:
        UserError: if a layer, a neuron or the frame does not exist.
    """
    if selection.frame >= len(clip):
        raise UserError(f"there is no frame {selection.frame}; they are numbered 0 … {len(clip) - 1}.")
    pruned, masks = without_neurons(module, selection.removed, neuron)
    whole = masks_of(module, {})
    return (
        _measured(module, whole, clip, selection.frame, bits),
        _measured(pruned, masks, clip, selection.frame, bits),
    )


@torch.no_grad()
def _measured(module: INRModule, masks: Masks, clip: PanopticClip, frame: int, bits: int) -> Measured:
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
