"""The maps of one layer's neurons, in chunks, and the effects of taking neurons out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from xinc_lightning.canvas.effects import Ablation, EffectTerms
from xinc_lightning.canvas.precision import full_precision, one_thread
from xinc_lightning.canvas.sweep import Terms

MAX_BYTES = 64 * 2**20
FEW_BYTES = 16 * 2**20
"""Size of maps up to which torch runs on one thread: more threads wait for each other on a busy machine."""

Neurons = Sequence[int] | NDArray[np.integer[Any]] | Tensor


class LayerMaps:
    """One layer's maps.

    Maps always have the axes neuron, frame, row, column; an FFN has one frame.

    Args:
        name: the layer's name.
        terms: whose maps these are: the neurons' contributions or their effects.
        effect_terms: their effects.
    """

    def __init__(self, name: str, terms: Terms, effect_terms: EffectTerms) -> None:
        self.name = name
        self.terms = terms
        self.effect_terms = effect_terms

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.terms.neurons

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.terms.frames

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a map."""
        return self.terms.shape

    @property
    def labels(self) -> Mapping[str, Int[Tensor, " neurons"]]:
        """What identifies each neuron besides its index: see the terms' ``labels``."""
        return self.terms.labels

    @property
    def inactive(self) -> Bool[Tensor, " neurons"]:
        """Neurons that could be taken out without effect at any of the frames: see the terms' ``inactive``.

        A neuron without contribution (Σ|c| = 0) need not be inactive: a ReLU cuts off what a unit with a negative
        sum of weights adds, whatever it adds.
        """
        return self.terms.inactive

    def maps(self, neurons: Neurons) -> Float[Tensor, "n frames height width"]:
        """Contribution maps of the given neurons, in the given order, on the network's device and dtype.

        Raises:
            IndexError: if a neuron does not exist.
        """
        chosen = self.select(neurons)
        few = len(chosen) <= self._chunk(FEW_BYTES) and not isinstance(self.terms, EffectTerms)
        with torch.no_grad(), full_precision(), one_thread() if few else nullcontext():
            return self.terms.maps(chosen)

    def effects(
        self, neurons: Neurons, ablation: Ablation = "zero"
    ) -> Float[Tensor, "n frames colours height width"]:
        """Effects of the given neurons: what the picture loses when each of them, alone, is taken out.

        With ``head_activation=False``, what the head's output before its activation loses. Computed a few neurons at
        a time, so that memory beyond that of the result is bounded.

        Args:
            neurons: which neurons.
            ablation: ``zero`` takes a neuron's term out of the layer's output before its activation; ``mean`` puts
                its mean over its pixels and the canvas's frames in its place.

        Raises:
            IndexError: if a neuron does not exist.
            ValueError: if the declared layers are not all that makes the picture.
        """
        chosen = self.select(neurons)
        with torch.inference_mode(False), torch.no_grad(), full_precision():
            return self.ablated(ablation).effects(chosen)

    def chunks(
        self, max_bytes: int = MAX_BYTES, neurons: Neurons | None = None
    ) -> Iterator[tuple[Int[Tensor, " n"], Float[Tensor, "n frames height width"]]]:
        """All maps, or those of the given neurons, in order, one chunk at a time.

        Args:
            max_bytes: size of one chunk's maps (each has at least one neuron); computing them temporarily takes
                up to about three times as much.
            neurons: which neurons, by default all.

        Yields:
            The neurons' indices and their maps.
        """
        for chunk in torch.split(self.select(neurons), self._chunk(max_bytes)):
            yield chunk, self.maps(chunk)

    def ablated(self, ablation: Ablation) -> EffectTerms:
        """The effects of this ablation.

        Raises:
            ValueError: if there is no such ablation.
        """
        if ablation not in get_args(Ablation):
            raise ValueError(f"ablation must be one of {', '.join(get_args(Ablation))}, got {ablation!r}.")
        return replace(self.effect_terms, ablation=ablation, _kept={})

    def select(self, neurons: Neurons | None) -> Int[Tensor, " n"]:
        """Neuron indices as a tensor on the canvas's device, checked.

        Raises:
            IndexError: if a neuron does not exist.
        """
        device = self.terms.values.device
        if neurons is None:
            return torch.arange(self.neurons, device=device)
        indices = torch.as_tensor(neurons, dtype=torch.long).reshape(-1)
        wrong = indices[(indices < 0) | (indices >= self.neurons)]
        if len(wrong):
            raise IndexError(
                f"neuron {int(wrong[0])} of layer {self.name!r}: its neurons are 0 … {self.neurons - 1}."
            )
        return indices.to(device)

    def _chunk(self, max_bytes: int) -> int:
        """Neurons whose maps fit into ``max_bytes``, at least one."""
        height, width = self.shape
        return max(1, max_bytes // (self.frames * height * width * self.terms.values.element_size()))
