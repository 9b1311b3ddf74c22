"""Contribution maps of a linear layer that is applied to every pixel separately (§3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xinc_lightning.canvas.chain import Removed
from xinc_lightning.networks.layers import Activation

Neuron = Literal["input", "output", "weight"]


@dataclass(frozen=True)
class LinearTerms:
    """What each neuron of a linear layer adds to each pixel.

    Three definitions of "neuron" (see the table in docs/canvas_engine.md):

    * ``input``: input unit i, c_i = f(Σ_j (v_i·W_ji + b_j / in)), what the paper's figures show;
    * ``output``: output unit j, c_j = Σ_i v_i·W_ji, what its §3.1 says;
    * ``weight``: the weight (i, j), c_ij = v_i·W_ji + b_j / in, numbered i·out + j.

    Args:
        values: the layer's input.
        weight: its weight.
        bias: its bias, ``None`` for none.
        output: what the network itself computed from these, before the activation.
        neuron: what counts as one neuron.
        activation: f, elementwise; ``None`` for the identity.
    """

    values: Float[Tensor, "frames height width inputs"]
    weight: Float[Tensor, "outputs inputs"]
    bias: Float[Tensor, " outputs"] | None
    output: Float[Tensor, "frames height width outputs"]
    neuron: Neuron = "input"
    activation: Activation | None = None

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        outputs, inputs = self.weight.shape
        return {"input": inputs, "output": outputs, "weight": inputs * outputs}[self.neuron]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a map."""
        _, height, width, _ = self.values.shape
        return height, width

    @property
    def labels(self) -> Mapping[str, Int[Tensor, " neurons"]]:
        """Per neuron, the index of its ``input`` and ``output`` unit, where it has one."""
        indices = torch.arange(self.neurons)
        if self.neuron == "weight":
            return {"input": indices // len(self.weight), "output": indices % len(self.weight)}
        return {self.neuron: indices}

    @property
    def pruned(self) -> Bool[Tensor, " neurons"]:
        """Neurons whose weights are all exactly zero, as pruning leaves them."""
        kept = self.weight != 0
        return ~{"input": kept.any(0), "output": kept.any(1), "weight": kept.T.flatten()}[self.neuron]

    @property
    def inactive(self) -> Bool[Tensor, " neurons"]:
        """Neurons whose every product v_i·W_ji is zero at every pixel: taking them out changes nothing."""
        carrying = (self.values != 0).flatten(0, -2).any(0) & (self.weight != 0)
        return ~{
            "input": carrying.any(0),
            "output": carrying.any(1),
            "weight": carrying.T.flatten(),
        }[self.neuron]

    def terms(self, neurons: Int[Tensor, " n"]) -> Float[Tensor, "n frames height width"]:
        """The neurons' maps before the activation."""
        values = self.values.movedim(-1, 0)
        outputs, inputs = self.weight.shape
        share = torch.zeros_like(self.weight[:, 0]) if self.bias is None else self.bias / inputs
        if self.neuron == "output":
            return torch.einsum("ni,i...->n...", self.weight[neurons], values)
        if self.neuron == "input":
            units, factors, offsets = neurons, self.weight.sum(0)[neurons], share.sum().expand(len(neurons))
        else:
            units, kernels = neurons // outputs, neurons % outputs
            factors, offsets = self.weight[kernels, units], share[kernels]
        return values[units] * factors[:, None, None, None] + offsets[:, None, None, None]

    def at(self, frame: int) -> "LinearTerms":
        """Those of one frame."""
        one = slice(frame, frame + 1)
        return replace(self, values=self.values[one], output=self.output[one])

    def removed(self, neurons: Int[Tensor, " n"]) -> Removed:
        """What ablation takes out of the layer's output before its activation.

        Of an ``output`` unit all, its bias too; of an ``input`` unit what it adds to every output unit, with its share
        of their biases; of a ``weight`` its term.
        """
        if self.neuron == "input":
            values = self.values.movedim(-1, 0)[neurons]
            change = values[..., None] * self.weight.T[neurons, None, None, None]
            if self.bias is not None:
                change += self.bias / self.weight.shape[1]
            return Removed(change.movedim(-1, 2))
        units = neurons % len(self.weight)
        change = self.output.movedim(-1, 0)[neurons] if self.neuron == "output" else self.terms(neurons)
        return Removed(change, units)

    def removed_together(
        self, shares: Float[Tensor, " neurons"]
    ) -> Float[Tensor, "frames outputs height width"]:
        """What ablation of these shares of all neurons at once takes out of the layer's output."""
        outputs, inputs = self.weight.shape
        if self.neuron == "output":
            return (self.output * shares).movedim(-1, 1)
        taken = shares[:, None] if self.neuron == "input" else shares.view(inputs, outputs)
        change = self.values @ (self.weight.T * taken)
        if self.bias is not None:
            change = change + self.bias / inputs * taken.sum(0)
        return change.movedim(-1, 1)

    def maps(self, neurons: Int[Tensor, " n"]) -> Float[Tensor, "n frames height width"]:
        """The neurons' contribution maps."""
        terms = self.terms(neurons)
        return self.activation(terms) if self.activation and self.neuron == "input" else terms

    def completeness_error(self, chunk: int) -> float:
        """How far the sum of all terms is from the output the network computed, ``chunk`` neurons at a time.

        Returns:
            Largest absolute difference over the largest absolute output.
        """
        expected = self.output.movedim(-1, 0).double()
        if self.neuron == "output":  # each neuron is one output without its bias
            if self.bias is not None:
                expected = expected - self.bias.double()[:, None, None, None]
            scale = self.output
        elif self.neuron == "input":  # each neuron adds to the sum over the outputs
            expected = expected.sum(0, keepdim=True)
            scale = self.output.abs().sum(-1)
        else:
            scale = self.output
        total = torch.zeros_like(expected)
        for neurons in torch.split(torch.arange(self.neurons, device=self.values.device), chunk):
            target = {
                "input": torch.zeros_like(neurons),
                "output": neurons,
                "weight": neurons % len(self.weight),
            }
            total.index_add_(0, target[self.neuron], self.terms(neurons).double())
        return relative_error(total, expected, scale)


def relative_error(found: Tensor, expected: Tensor, scale: Tensor) -> float:
    """Largest |found − expected| over the largest |scale| (over 1 where that is 0)."""
    return float((found - expected).abs().max()) / (float(scale.abs().max()) or 1.0)
