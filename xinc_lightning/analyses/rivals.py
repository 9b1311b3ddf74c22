"""Simpler scores and maps of neurons, with which contributions compete in predicting effects."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xinc_lightning.canvas import Canvas, TracedCanvas
from xinc_lightning.canvas.conv import ConvTerms
from xinc_lightning.canvas.effects import Contributions, EffectTerms
from xinc_lightning.canvas.trace import layer_module


def weight_norms(terms: Contributions, neurons: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """L1 norm of each neuron's weights."""
    return _by_input(terms, neurons, torch.ones_like(_mean_input(terms)))


def weight_norms_times_input(terms: Contributions, neurons: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """L1 norm of each neuron's weights times the mean |input|; of an ``output`` unit, input by input."""
    return _by_input(terms, neurons, _mean_input(terms))


def _mean_input(terms: Contributions) -> Float[Tensor, " inputs"]:
    """Mean |input| over frames and pixels."""
    channels = 1 if isinstance(terms, ConvTerms) else -1
    return terms.values.abs().movedim(channels, 0).flatten(1).mean(1)


def _by_input(
    terms: Contributions, neurons: Int[Tensor, " n"], factors: Float[Tensor, " inputs"]
) -> Float[Tensor, " n"]:
    """Σ|w| of each neuron's weights, each times the factor of its input."""
    sizes = terms.weight.abs().flatten(2).sum(2) if isinstance(terms, ConvTerms) else terms.weight.abs()
    sizes = sizes * factors
    if isinstance(terms, ConvTerms) or terms.neuron == "weight":
        return sizes.T.flatten()[neurons]
    return sizes.sum(0 if terms.neuron == "input" else 1)[neurons]


def gradient_times_term(
    effects: EffectTerms,
    neurons: Int[Tensor, " n"],
    directions: Float[Tensor, "k frames colours height width"],
) -> Float[Tensor, " n"]:
    """The size of each neuron's effect to first order: root mean square of gradient × term, over some directions.

    Of directions with random signs, it estimates the Euclidean norm of the effect to first order, for all neurons with
    one backward pass for each direction.
    """
    return effects.first_order(directions)[:, neurons].square().mean(0).sqrt()


def random_signs(like: Float[Tensor, "frames colours height width"], count: int, seed: int) -> Tensor:
    """Pictures of 1 and −1."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (count, *like.shape), generator=generator).to(like)
    return 2 * signs - 1


def without_box_filters(terms: Contributions) -> Contributions | None:
    """The same maps without the filters of later layers (§3.2.3); ``None`` if there are none."""
    if not isinstance(terms, ConvTerms) or all(step.kernel == (1, 1) for step in terms.steps):
        return None
    return replace(terms, steps=tuple(replace(step, kernel=(1, 1)) for step in terms.steps))


def randomised(canvas: Canvas, inputs: Sequence[Tensor], seed: int = 0) -> Iterator[TracedCanvas]:
    """Canvases of a network with the head's weights initialised anew, then with the layer's before it, too, and so on.

    The sanity check of Adebayo et al. (2018): maps that stay the same do not depend on what the network has learnt.

    Args:
        canvas: of the network, which is left as it is.
        inputs: the network's arguments.
        seed: of the new weights.

    """
    copy = deepcopy(canvas)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in reversed(copy.declared):
            layer_module(layer).reset_parameters()
            yield copy.at(*inputs)
