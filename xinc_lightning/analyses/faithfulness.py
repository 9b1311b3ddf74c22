"""Whether contributions predict effects: what a picture loses when a neuron is taken out.

Names of measures follow the literature on explanations: deletion and insertion curves (Petsiuk et al. 2018), randomised
weights (Adebayo et al. 2018; Hedström et al. 2023 on its pitfalls).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xinc_lightning.analyses.agreement import correlations, cosines, rank_correlation, ranks
from xinc_lightning.analyses.result import Result
from xinc_lightning.analyses.rivals import (
    gradient_times_term,
    random_signs,
    weight_norms,
    weight_norms_times_input,
    without_box_filters,
)
from xinc_lightning.analyses.sampling import neuron_label
from xinc_lightning.canvas import Ablation, EffectTerms, LayerCanvas
from xinc_lightning.canvas.precision import full_precision

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the sampled neurons that are taken out, or put back."""

EXAMPLES = (0.1, 0.4, 0.6, 0.9)
"""Quantiles of agreement whose neurons are shown."""

DIRECTIONS = 10
"""Random directions of the picture in which gradients are taken."""

CHECKED = 32
"""Neurons whose maps are compared with those of every network with randomised weights."""

CURVES = ("contribution", "first_order", "l1", "l1_input", "random", "effect", "error_rise")
"""Scores by which neurons are taken out one after the other."""

TRUE_SCORES = ("effect", "error_rise")
"""Scores that need the ablation itself."""


@dataclass(frozen=True)
class FaithfulnessResult(Result):
    """Agreement of a layer's contributions, and of simpler scores and maps, with the effects of its neurons.

    Kinds of maps: ``contribution``, ``unfiltered`` (contributions without box filters), ``randomised`` (contributions
    of the network with this and all later layers initialised anew). Scores: Σ of each of these maps, ``first_order``
    (gradient × term), ``l1`` (norm of the weights), ``l1_input`` (that times the mean |input|), ``random``, ``effect``
    (Σ|e|) and ``error_rise`` (ΔMSE).

    Attributes:
        neurons: indices of the sampled neurons.
        total_neurons: number of the layer's neurons.
        ablation: ``zero`` or ``mean``.
        maps: kinds of maps.
        cosine: [maps, neurons] cosine of the map and |e| over the pixels; NaN if one is 0 everywhere.
        spearman: [maps, neurons] rank correlation of the map and |e| over the pixels; NaN if one is constant.
        scores: kinds of scores.
        score_values: [scores, neurons] the scores.
        rank: [scores] rank correlation over the neurons with Σ|e|.
        error_rank: [scores] rank correlation over the neurons with ΔMSE.
        cascade: [layers] median rank correlation over the pixels of the layer's maps with those of the network whose
            last 1, 2, … layers are initialised anew; 1 if they did not change.
        shares: shares of the sampled neurons taken out, or put back.
        curves: scores by which neurons are taken out and put back.
        deletion: [curves, shares] PSNR in dB, the neurons of the highest score taken out first.
        insertion: [curves, shares] PSNR in dB, all neurons taken out and those of the highest score put back first.
        examples: indices of the neurons shown, from poor to good agreement.
        labels: their names.
        example_maps: [examples, height, width] their |c|.
        example_effects: [examples, height, width] their |e|.
        example_cosines: [examples] cosines of the two.
    """

    analysis = "faithfulness"
    neurons: Int[np.ndarray, " neurons"]
    total_neurons: int
    ablation: str
    maps: tuple[str, ...]
    cosine: Float[np.ndarray, "maps neurons"]
    spearman: Float[np.ndarray, "maps neurons"]
    scores: tuple[str, ...]
    score_values: Float[np.ndarray, "scores neurons"]
    rank: Float[np.ndarray, " scores"]
    error_rank: Float[np.ndarray, " scores"]
    cascade: Float[np.ndarray, " layers"]
    shares: Float[np.ndarray, " shares"]
    curves: tuple[str, ...]
    deletion: Float[np.ndarray, "curves shares"]
    insertion: Float[np.ndarray, "curves shares"]
    examples: Int[np.ndarray, " examples"]
    labels: tuple[str, ...]
    example_maps: Float[np.ndarray, "examples height width"]
    example_effects: Float[np.ndarray, "examples height width"]
    example_cosines: Float[np.ndarray, " examples"]

    def areas(self, curves: Float[np.ndarray, "curves shares"]) -> Float[np.ndarray, " curves"]:
        """Areas under deletion or insertion curves: the mean PSNR over the shares."""
        areas: np.ndarray = ((curves[:, 1:] + curves[:, :-1]) / 2 * np.diff(self.shares)).sum(1)
        return areas

    def scalars(self) -> dict[str, float]:
        """Medians (and of contributions quartiles) of the agreement of maps, rank correlations of scores, areas."""
        found: dict[str, float] = {}
        for measure, values in (("cosine", self.cosine), ("spearman", self.spearman)):
            for name, of_map in zip(self.maps, values, strict=True):
                of_map = of_map[np.isfinite(of_map)]
                if not len(of_map):
                    continue
                prefix = measure if name == "contribution" else f"{name}_{measure}"
                quartiles = dict(
                    zip(("q25", "median", "q75"), np.quantile(of_map, (0.25, 0.5, 0.75)), strict=True)
                )
                shown = quartiles if name == "contribution" else {"median": quartiles["median"]}
                found |= {f"{prefix}_{which}": float(value) for which, value in shown.items()}
        for measure, numbers in (("rank", self.rank), ("error_rank", self.error_rank)):
            for name, value in zip(self.scores, numbers, strict=True):
                if name not in TRUE_SCORES and np.isfinite(value):
                    found[f"{measure}_{name}"] = float(value)
        for measure, curves in (("deletion", self.deletion), ("insertion", self.insertion)):
            for name, area in zip(self.curves, self.areas(curves), strict=True):
                if np.isfinite(area):
                    found[f"{measure}_{name}"] = float(area)
        return found


def faithfulness(
    layer: LayerCanvas,
    truth: Float[Tensor, "frames colours height width"],
    randomised: Sequence[LayerCanvas],
    behind: int,
    neurons: Sequence[int],
    ablation: Ablation = "zero",
    seed: int = 0,
) -> FaithfulnessResult:
    """Compare contributions and their rivals with the effects of the given neurons.

    Args:
        layer: the layer's canvas at one frame, of contributions or effects.
        truth: the true frame.
        randomised: the layer's canvas in the networks whose last 1, 2, … layers are initialised anew.
        behind: number of layers behind this one.
        neurons: indices of the neurons.
        ablation: how neurons are taken out.
        seed: of the random score and the directions of gradients.
    """
    chosen = layer.select(neurons)
    effects = layer.ablated(ablation)
    with torch.inference_mode(False), torch.no_grad(), full_precision():
        compared = _Compared(effects, chosen, truth, randomised[behind].effect_terms)
        compared.run()
        directions = random_signs(effects.chain.picture, DIRECTIONS, seed)
        found = {
            **{name: sums for name, sums in compared.sums.items() if name != "effect"},
            "first_order": gradient_times_term(effects, chosen, directions),
            "l1": weight_norms(effects.contributions, chosen),
            "l1_input": weight_norms_times_input(effects.contributions, chosen),
            "random": torch.from_numpy(np.random.default_rng(seed).random(len(chosen))),
            "effect": compared.sums["effect"],
            "error_rise": compared.rise,
        }
        scores = {name: values.double().cpu().numpy() for name, values in found.items()}
        curves = _curves(effects, chosen, truth, [scores[name] for name in CURVES])
        cascade = _cascade(effects, chosen[:: -(-len(chosen) // CHECKED)], randomised)
        cosine = compared.cosine[0].cpu().numpy()
        live = np.flatnonzero(np.isfinite(cosine))
        order = live[np.argsort(cosine[live], kind="stable")]
        places = [int(order[round(q * (len(order) - 1))]) for q in EXAMPLES] if len(order) else []
        places = list(dict.fromkeys(places))
        examples = chosen[places]
        shown = [torch.zeros(0, *layer.shape)] * 2
        if places:
            both = (effects.contributions.maps(examples).abs(), effects.maps(examples))
            shown = [maps[:, 0].float().cpu() for maps in both]
    return FaithfulnessResult(
        layer=layer.name,
        neurons=chosen.cpu().numpy(),
        total_neurons=layer.neurons,
        ablation=ablation,
        maps=tuple(compared.maps),
        cosine=compared.cosine.cpu().numpy(),
        spearman=compared.spearman.cpu().numpy(),
        scores=tuple(scores),
        score_values=np.stack(list(scores.values())),
        rank=np.array([rank_correlation(score, scores["effect"]) for score in scores.values()]),
        error_rank=np.array([rank_correlation(score, scores["error_rise"]) for score in scores.values()]),
        cascade=cascade,
        shares=np.array(SHARES),
        curves=CURVES,
        deletion=np.stack([deletion for deletion, _ in curves]),
        insertion=np.stack([insertion for _, insertion in curves]),
        examples=examples.cpu().numpy(),
        labels=tuple(neuron_label(layer, int(neuron)) for neuron in examples),
        example_maps=shown[0].numpy(),
        example_effects=shown[1].numpy(),
        example_cosines=cosine[places],
    )


class _Compared:
    """Sums of all kinds of maps and their agreement with the effects, a chunk of neurons at a time."""

    def __init__(
        self, effects: EffectTerms, neurons: Int[Tensor, " n"], truth: Tensor, randomised: EffectTerms
    ) -> None:
        self.effects, self.neurons, self.truth = effects, neurons, truth
        kinds = {
            "contribution": effects.contributions,
            "unfiltered": without_box_filters(effects.contributions),
            "randomised": randomised.contributions,
        }
        self.maps = {name: terms for name, terms in kinds.items() if terms is not None}
        self.sums = {name: self._zeros() for name in (*self.maps, "effect")}
        self.rise = self._zeros()
        self.cosine, self.spearman = self._zeros(len(self.maps)), self._zeros(len(self.maps))

    def _zeros(self, *shape: int) -> Tensor:
        neurons = self.neurons
        return torch.zeros(*shape, len(neurons), dtype=torch.float64, device=neurons.device)

    def run(self) -> None:
        """Fill the tensors."""
        for places, _, sizes, rise in self.effects.sizes(self.neurons, self.truth):
            assert rise is not None
            effect = sizes[:, 0]
            self.rise[places], self.sums["effect"][places] = rise[:, 0], effect.sum((1, 2)).double()
            ranked = ranks(effect)
            for number, (name, terms) in enumerate(self.maps.items()):
                maps = terms.maps(self.neurons[places])[:, 0].abs()
                self.sums[name][places] = maps.sum((1, 2)).double()
                self.cosine[number, places] = cosines(maps, effect)
                self.spearman[number, places] = correlations(ranks(maps), ranked)


def _curves(
    effects: EffectTerms, neurons: Int[Tensor, " n"], truth: Tensor, scores: Sequence[Float[np.ndarray, " n"]]
) -> list[tuple[Float[np.ndarray, " shares"], Float[np.ndarray, " shares"]]]:
    """By score, PSNR with the neurons of the highest scores taken out, and put back, one share after the other."""
    counts = [round(share * len(neurons)) for share in SHARES[1:-1]]
    removed = [neurons[:0], neurons]
    for score in scores:
        order = neurons[torch.from_numpy(np.argsort(-score, kind="stable")).to(neurons.device)]
        removed += [*(order[:count] for count in counts), *(order[count:] for count in counts)]
    errors = [
        (pictures - truth.to(pictures)).double().square().mean((1, 2, 3, 4))
        for pictures in effects.without_each(removed)
    ]
    whole, bare, *found = (-10 * torch.cat(errors).log10()).tolist()
    curves = []
    for deletion, insertion in np.reshape(found, (len(scores), 2, len(counts))):
        curves.append((np.array([whole, *deletion, bare]), np.array([bare, *insertion, whole])))
    return curves


def _cascade(
    effects: EffectTerms, neurons: Int[Tensor, " n"], randomised: Sequence[LayerCanvas]
) -> Float[np.ndarray, " layers"]:
    """Median rank correlation of the maps with those of networks with randomised weights."""
    maps = effects.contributions.maps(neurons)[:, 0].abs()
    ranked = ranks(maps)
    medians = []
    for other in randomised:
        found = other.effect_terms.contributions.maps(neurons)[:, 0].abs()
        agreement = correlations(ranked, ranks(found))
        medians.append(1.0 if torch.equal(found, maps) else float(agreement.nanmedian()))
    return np.array(medians)
