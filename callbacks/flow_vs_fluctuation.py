"""Whether contributions change where the frame moves (§4.5, Fig 9)."""

from typing import Any

import numpy as np

from xinc_lightning.analyses import FlowVsFluctuationResult, flow_vs_fluctuation, sample_neurons
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.layer_analysis import LayerAnalysis, check_position, require_positive
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.data import PanopticClip, optical_flow
from xinc_lightning.errors import UserError
from xinc_lightning.figures import flow_beside_fluctuation
from xinc_lightning.modules import INRModule


class FlowVsFluctuation(LayerAnalysis):
    """Optical flow beside the fluctuation of every layer's contributions, at chosen time steps.

    Needs a clip of two or more frames stored by one network. It does not use the shared pass, to which its frames
    would add work for every other analysis.

    Args:
        steps: positions in the clip of the later frame of each pair, from 1; by default the middle of the clip.
        max_neurons: layers of more neurons are sampled (1000 of NeRV's 18,352 correlate 0.997 with all); null
            for no limit.
        seed: of the sample.
        options: layers, cadence and ``strict``, see
            :class:`~xinc_lightning.callbacks.base.layer_analysis.LayerAnalysis`.

    Raises:
        UserError: if a step is less than 1.
    """

    def __init__(
        self,
        steps: list[int] | None = None,
        max_neurons: int | None = 1000,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require_positive(self, max_neurons=max_neurons)
        if steps is not None and min(steps, default=0) < 1:
            raise UserError(
                f"FlowVsFluctuation: every step is the later frame of a pair and must be at least 1, got {steps}."
            )
        self.steps = steps
        self.max_neurons = max_neurons
        self.seed = seed
        self._flow: dict[tuple[str, int], np.ndarray] = {}

    def check(self, module: INRModule, clip: PanopticClip) -> None:
        """Require that the steps are in the clip, if it has more than one frame."""
        super().check(module, clip)
        if len(clip) > 1:
            for step in self.steps or ():
                check_position(self, "steps", step, clip)

    def needs(self, clip: PanopticClip) -> Needs:
        """Nothing from the shared pass."""
        return Needs(())

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One figure for all layers and time steps."""
        clip = context.clip
        if len(clip) < 2:
            self.leave_out(f"the clip '{clip.name}' has only one frame, and so no motion")
            return
        if not context.in_one_network((0, 1)):
            self.leave_out(f"every frame has its own {context.architecture}, so no neuron spans two frames")
            return
        steps = self.steps or [max(len(clip) // 2, 1)]
        flow = np.stack([self._optical_flow(clip, step) for step in steps])
        canvases = [context.canvas_of((step - 1, step)) for step in steps]
        frames = np.array([clip.indices[step] for step in steps])
        results: list[FlowVsFluctuationResult] = []
        for name in self.layers or canvases[0].layers[::-1]:
            neurons = canvases[0][name].neurons
            sample = sample_neurons(neurons, self.max_neurons or neurons, self.seed)
            fluctuation = [context.fluctuation(canvas[name], sample)[0].cpu().numpy() for canvas in canvases]
            result = flow_vs_fluctuation(name, np.stack(fluctuation), flow, frames, sample, neurons)
            sink.result(result)
            results.append(result)
        sink.arrays("flow_vs_fluctuation/flow", flow=flow, frames=frames, positions=np.array(steps))
        pictures = np.stack([context.picture(step) for step in steps])
        psnr = np.mean([context.psnr(step) for step in steps])
        title = (
            f"{context.architecture} fluctuation Σ||c_t| − |c_t−1|| and motion · {context.maps} · {clip.name} · "
            f"epoch {context.epoch} · {psnr:.2f} dB"
        )
        sink.figure("flow_vs_fluctuation", flow_beside_fluctuation(results, flow, pictures, title))

    def _optical_flow(self, clip: PanopticClip, step: int) -> np.ndarray:
        """Flow to this frame, computed once for all epochs."""
        if (clip.name, step) not in self._flow:
            self._flow[clip.name, step] = optical_flow(clip, step).cpu().numpy()
        return self._flow[clip.name, step]
