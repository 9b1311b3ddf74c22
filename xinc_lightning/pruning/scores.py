"""What each kernel of a network is worth, by several scores; the higher, the later it is pruned.

A *kernel* (i, o) leads from input channel i to output channel o: a convolution's kernel, or a single weight of a linear
layer, as the canvas's neurons are. A *channel* is all kernels of an input channel: an input unit of an FFN's layer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from xinc_lightning.canvas import Canvas, LayerCanvas
from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.modules import INRModule
from xinc_lightning.modules.layer_weights import LayerWeights

Unit = Literal["kernel", "channel"]
Score = Literal["contribution", "effect", "first-order", "magnitude", "random"]
SCORES: tuple[str, ...] = get_args(Score)

Scores = Mapping[str, Tensor]
"""By layer, [networks, outputs, inputs] of kernels or [networks, inputs] of channels, float64 on the CPU."""

PROJECTIONS = 10
"""Random projections of a frame from which first-order scores are estimated."""


def scores_of(
    module: INRModule,
    score: str,
    positions: Sequence[int],
    truth: Tensor,
    unit: Unit = "kernel",
    seed: int = 0,
) -> Scores:
    """Scores of all prunable layers.

    Args:
        module: the network, in evaluation mode; left as it is.
        score: one of :data:`SCORES`.
        positions: frames of the clip that are looked at. Where each frame has a network of its own, all frames are.
        truth: all frames of the clip, [frames, 3, height, width], for ``effect``.
        unit: what is pruned at once.
        seed: of random scores and projections.

    Raises:
        UserError: for an unknown score.
    """
    if score not in SCORES:
        near = did_you_mean(score, SCORES) or "."
        raise UserError(f"there is no score '{score}'; the scores are {', '.join(SCORES)}{near}")
    if score == "first-order":  # of a channel not the sum of its kernels': what they add may cancel
        return first_order(module, positions, unit, seed)
    if score == "contribution":
        kernels = contribution(module, positions)
    elif score == "effect":
        kernels = effect(module, positions, truth)
    else:
        kernels = magnitude(module) if score == "magnitude" else random(module, seed)
    return kernels if unit == "kernel" else {name: values.sum(1) for name, values in kernels.items()}


def contribution(module: INRModule, positions: Sequence[int]) -> Scores:
    """Σ|c| of each kernel over the pixels of these frames: the canvas's contribution maps (§3, §4.4)."""
    return _of_canvas(module, positions, lambda layer, _: layer.reduce(thresholds=()).absolute_sum)


def effect(module: INRModule, positions: Sequence[int], truth: Tensor) -> Scores:
    """By how much the squared error of these frames rises without each kernel alone (ΔMSE), which is below 0 for some.

    Exact for one kernel, and thousands of times as expensive as its contribution.
    """

    def rise(layer: LayerCanvas, frames: Sequence[int]) -> Tensor:
        found = layer.effect_sums(truth[[*frames]].to(module.device)).error_rise
        assert found is not None
        return found

    return _of_canvas(module, positions, rise)


def _of_canvas(
    module: INRModule, positions: Sequence[int], measure: Callable[[LayerCanvas, Sequence[int]], Tensor]
) -> Scores:
    """Sums over frames of what is measured of each layer's neurons, [neurons, frames], at these positions."""
    totals: dict[str, list[Tensor]] = {}
    head_activation = module.canvas_options.get("head_activation", True)
    with torch.no_grad():
        for network, argument, frames in networks_at(module, positions):
            for traced in Canvas(network, neuron="weight", head_activation=head_activation).at(argument):
                totals.setdefault(traced.name, []).append(measure(traced, frames).sum(1))
    found = {}
    for layer in _prunable(module):
        networks, outputs, inputs, _ = layer.kernels.shape
        sums = torch.stack(totals[layer.name]).cpu().double()
        found[layer.name] = sums.reshape(networks, inputs, outputs).transpose(1, 2)
    return found


def magnitude(module: INRModule) -> Scores:
    """L1 norm of each kernel."""
    return {layer.name: layer.kernels.abs().sum(3).cpu().double() for layer in _prunable(module)}


def random(module: INRModule, seed: int) -> Scores:
    """Uniform random numbers."""
    generator = torch.Generator().manual_seed(seed)
    return {
        layer.name: torch.rand(layer.kernels.shape[:3], generator=generator, dtype=torch.float64)
        for layer in _prunable(module)
    }


def first_order(module: INRModule, positions: Sequence[int], unit: Unit, seed: int) -> Scores:
    """Mean square of what removing a unit changes in random projections of the picture, to first order.

    For a projection r of random signs, removing the unit changes r·F by −Σ w·∂(r·F)/∂w over its weights w. The mean
    square over projections is the sum over pixels and colours of the squared first-order effect.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = _prunable(module)
    totals = [torch.zeros_like(layer.kernels[..., 0]).double() for layer in layers]
    totals = totals if unit == "kernel" else [total.sum(1) for total in totals]
    weights = [layer.weight for layer in layers]
    for position in _looked_at(module, positions):
        with torch.enable_grad():
            picture = module.render(torch.tensor([position], device=module.device))
        for last in [False] * (PROJECTIONS - 1) + [True]:
            signs = torch.randint(0, 2, picture.shape, generator=generator).to(picture) * 2 - 1
            gradients = torch.autograd.grad(picture, weights, signs, retain_graph=not last)
            for total, layer, gradient in zip(totals, layers, gradients, strict=True):
                terms = (gradient.reshape(layer.kernels.shape) * layer.kernels).sum(3)
                total += (terms if unit == "kernel" else terms.sum(1)).double().square()
    return {layer.name: total.cpu() / PROJECTIONS for layer, total in zip(layers, totals, strict=True)}


def scoring_positions(frames: int, count: int) -> list[int]:
    """``count`` evenly spaced frames of a clip, the middles of as many equal parts.

    >>> scoring_positions(30, 4)
    [3, 11, 18, 26]
    """
    return [(2 * i + 1) * frames // (2 * count) for i in range(count)]


def unit_weights(module: INRModule, unit: Unit) -> dict[str, int]:
    """Number of weights of a unit, by prunable layer."""
    return {
        layer.name: layer.kernels.shape[3] * (1 if unit == "kernel" else layer.kernels.shape[1])
        for layer in _prunable(module)
    }


def _prunable(module: INRModule) -> list[LayerWeights]:
    return [layer for layer in module.layer_weights() if layer.prunable]


def networks_at(
    module: INRModule, positions: Sequence[int]
) -> list[tuple[torch.nn.Module, Tensor, Sequence[int]]]:
    """Each network, its argument for the frames that are looked at, and their positions."""
    if module.one_network:
        arguments = [module.canvas_inputs(position)[1] for position in positions]
        return [(module.canvas_inputs(positions[0])[0], torch.cat(arguments), positions)]
    return [(*module.canvas_inputs(position), [position]) for position in _looked_at(module, positions)]


def _looked_at(module: INRModule, positions: Sequence[int]) -> Sequence[int]:
    return positions if module.one_network else range(module.hparams["clip_shape"][0])
