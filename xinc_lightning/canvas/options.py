"""What a run's canvas takes for a neuron and for its map: options of all its analyses together."""

from dataclasses import dataclass
from typing import Literal

from xinc_lightning.canvas.linear import Neuron

Maps = Literal["contribution", "effect"]
"""What a neuron adds, or what the picture loses without it."""


@dataclass(frozen=True)
class CanvasOptions:
    """How a run's analyses read its network; ``canvas`` in a config.

    Args:
        neuron: what counts as a neuron of a linear layer: an ``input`` unit, as in the paper's figures and the released
            code, an ``output`` unit, as the paper's text says, or a single ``weight``.
        head_activation: whether the last layer's maps pass through its activation, as the paper's text says, or not,
            as in the released code.
        maps: what analyses look at: each neuron's ``contribution``, as in the paper, or its ``effect``, what the
            picture loses when the neuron is taken out, for a sample of the neurons of a large layer.
    """

    neuron: Neuron = "input"
    head_activation: bool = True
    maps: Maps = "contribution"
