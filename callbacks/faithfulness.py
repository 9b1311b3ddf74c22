"""Whether contributions predict what taking a neuron out does to the picture."""

from typing import Any, get_args

from xinc_lightning.analyses import faithfulness, randomised, sample_neurons
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis, require_positive
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.canvas import Ablation, Canvas
from xinc_lightning.data import PanopticClip
from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.figures import agreement_with_effects


class Faithfulness(FrameAnalysis):
    """Agreement of each layer's contributions with the effects of its neurons, beside simpler scores and maps.

    It always compares contributions with effects, whatever ``canvas.maps`` is, and does not use the shared pass.

    Args:
        neurons: number of neurons of each layer, sampled at random.
        ablation: ``zero`` takes a neuron's term out, ``mean`` replaces it by its mean over its pixels.
        seed: of the sample, the random score and the randomised weights.
        options: layers, frame, cadence and ``strict``, see
            :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis`.

    Raises:
        UserError: if no neurons are to be analysed, or there is no such ablation.
    """

    def __init__(
        self, neurons: int = 256, ablation: Ablation = "zero", seed: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        require_positive(self, neurons=neurons)
        if ablation not in get_args(Ablation):
            raise UserError(
                f"Faithfulness: ablation must be {' or '.join(get_args(Ablation))}, got {ablation!r}"
                + (did_you_mean(str(ablation), get_args(Ablation)) or ".")
            )
        self.neurons = neurons
        self.ablation: Ablation = ablation
        self.seed = seed

    def needs(self, clip: PanopticClip) -> Needs:
        """Nothing: a sample of neurons in one frame."""
        return Needs(())

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One figure per layer."""
        canvas = context.canvas_of((self.frame,))
        network, inputs = context.module.canvas_inputs(self.frame)
        changed = [*randomised(Canvas(network, **context.module.canvas_options), (inputs,), self.seed)]
        truth = context.clip.frames[self.frame][None]
        for name in self.layers or canvas.layers:
            layer = canvas[name]
            if fault := layer.effect_terms.chain.fault:
                self.warn_once(f"Faithfulness skips {name}, whose effects are not known: {fault}.")
                continue
            result = faithfulness(
                layer,
                truth,
                [other[name] for other in changed],
                len(canvas) - 1 - canvas.layers.index(name),
                sample_neurons(layer.neurons, self.neurons, self.seed),
                self.ablation,
                self.seed,
            )
            sink.result(result)
            values = dict(zip(result.scores, result.score_values, strict=True))
            sink.about_neurons(
                name,
                result.neurons,
                effect_sum=values["effect"],
                error_rise=values["error_rise"],
                agreement=result.cosine[0],
            )
            title = context.title(name, self.frame, "contributions c and effects e")
            sink.figure(f"faithfulness/{name}", agreement_with_effects(result, title))
