"""How much contributions change from frame to frame, summed over a stream of maps (§4.5)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from xinc_lightning.canvas.streams import Maps, Slots, State


@dataclass(frozen=True)
class Changes(State):
    """Σ||c_t| − |c_{t−1}|| for each pair of neighbouring frames.

    Attributes:
        neurons: over the pixels.
        pixels: over the neurons; the fluctuation.
    """

    disjoint = frozenset({"neurons"})

    neurons: Float[Tensor, "neurons transitions"]
    pixels: Float[Tensor, "transitions height width"]

    @classmethod
    def zeros(cls, neurons: int, frames: int, shape: tuple[int, int], device: torch.device) -> "Changes":
        """The state before any chunk."""
        return cls(
            torch.zeros(neurons, frames - 1, dtype=torch.float64, device=device),
            torch.zeros(frames - 1, *shape, dtype=torch.float64, device=device),
        )

    def update(self, slots: Slots, maps: Maps) -> None:
        """Add a chunk's maps; ``slots`` are their indices along the neuron axis."""
        changes = (maps if maps.dtype == torch.float64 else maps.float()).abs().diff(dim=1).abs_()
        self.neurons[slots] = changes.sum((2, 3), dtype=torch.float64)
        self.pixels.add_(changes.sum(0, dtype=torch.float64))
