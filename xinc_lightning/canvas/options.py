"""What a run's canvas takes for a neuron and for its contribution: options of all its analyses together."""

from dataclasses import dataclass

from xinc_lightning.canvas.linear import Neuron


@dataclass(frozen=True)
class CanvasOptions:
    """How a run's analyses read its network; ``canvas`` in a config.

    Args:
        neuron: what counts as a neuron of a linear layer: an ``input`` unit, as in the paper's figures and the released
            code, an ``output`` unit, as the paper's text says, or a single ``weight``.
        head_activation: whether the last layer's maps pass through its activation, as the paper's text says, or not,
            as in the released code.
    """

    neuron: Neuron = "input"
    head_activation: bool = True
