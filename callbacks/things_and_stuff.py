"""Shares of a few neurons' contribution in things and stuff, over the annotated frames (§4.5, Figs 8, 19)."""

from typing import Any

import numpy as np
import torch

from xinc_lightning.analyses import evenly_spaced, sample_live_by_maps, things_and_stuff
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.layer_analysis import LayerAnalysis, check_neurons, require_positive
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.data import VOID, PanopticClip
from xinc_lightning.figures import shares_of_segments
from xinc_lightning.modules import INRModule


class ThingsAndStuff(LayerAnalysis):
    """Shares of sampled neurons in the clip's segments, followed over time where one network stores the clip.

    An FFN stores one frame, and shares no neurons with the FFN of another: only the first annotated frame is
    analysed. Needs panoptic masks. It does not use the shared pass.

    Args:
        neurons: number of live neurons of each layer to sample at random, or their indices.
        frames: number of annotated frames, evenly spaced.
        seed: of the sample, so that all epochs show the same neurons.
        options: layers, cadence and ``strict``, see
            :class:`~xinc_lightning.callbacks.base.layer_analysis.LayerAnalysis`.

    Raises:
        UserError: if no frames or no neurons are to be analysed.
    """

    def __init__(
        self,
        neurons: int | list[int] = 2,
        frames: int = 6,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require_positive(self, frames=frames, neurons=neurons if isinstance(neurons, int) else len(neurons))
        self.neurons = neurons
        self.frames = frames
        self.seed = seed

    def check(self, module: INRModule, clip: PanopticClip) -> None:
        """Require that every layer has the given neurons."""
        super().check(module, clip)
        check_neurons(self, self.neurons, module)

    def needs(self, clip: PanopticClip) -> Needs:
        """Nothing: a few neurons in many frames are cheaper to compute separately."""
        return Needs(())

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One figure for all layers."""
        clip = context.clip
        if not clip.annotated:
            self.leave_out(f"the clip '{clip.name}' has no panoptic masks")
            return
        positions = evenly_spaced(clip.annotated, self.frames)
        if not context.in_one_network(positions):
            positions = positions[:1]
        masks = [mask for position in positions if (mask := clip.masks[position]) is not None]
        if all(bool((mask == VOID).all()) for mask in masks):
            self.leave_out(f"the masks of '{clip.name}' have no segment in the analysed frames")
            return
        canvas = context.canvas_of(positions)
        results, dead = [], []
        for name in self.layers or canvas.layers[::-1]:
            layer = canvas[name]
            neurons = self.neurons
            if isinstance(neurons, int):
                neurons = sample_live_by_maps(layer, neurons, self.seed)
            if not neurons:
                dead.append(name)
                continue
            frames = [clip.indices[position] for position in positions]
            result = things_and_stuff(layer, neurons, masks, clip.segments, frames)
            sink.result(result)
            results.append(result)
        if not results:
            self.leave_out("no layer has a live neuron")
            return
        pictures = np.stack([context.picture(position) for position in positions])
        psnr = np.mean([context.psnr(position) for position in positions])
        title = (
            f"{context.architecture} things and stuff · {context.maps} · {clip.name} · "
            f"epoch {context.epoch} · {psnr:.2f} dB\n"
            "mean |c| over a segment's pixels, as a share of all segments"
            + " and frames" * (len(positions) > 1)
            + f"; no live neuron found in {', '.join(dead)}" * bool(dead)
        )
        figure = shares_of_segments(results, pictures, torch.stack(masks).cpu().numpy(), title)
        sink.figure("things_and_stuff", figure)
