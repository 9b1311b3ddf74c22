"""Share of a neuron's contribution in each thing and stuff, frame by frame (§4.5, Figs 8, 19)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xinc_lightning.analyses.partitions import instance_partition
from xinc_lightning.analyses.result import Result
from xinc_lightning.analyses.sampling import neuron_label
from xinc_lightning.canvas import LayerCanvas
from xinc_lightning.data import Segment


@dataclass(frozen=True)
class ThingsAndStuffResult(Result):
    """Area-normalised contributions of a few neurons of one layer to the segments of a clip.

    Attributes:
        neurons: [n] indices of the neurons.
        labels: [n] readable names of the neurons.
        segments: the clip's things and stuff.
        frames: [frames] numbers of the frames in the source.
        density: [n, frames, segments] mean |c| over the segment's pixels, NaN where it is not in the frame.
    """

    analysis = "things_and_stuff"
    neurons: Int[np.ndarray, " n"]
    labels: tuple[str, ...]
    segments: tuple[Segment, ...]
    frames: Int[np.ndarray, " frames"]
    density: Float[np.ndarray, "n frames segments"]

    @property
    def shares(self) -> Float[np.ndarray, "n frames segments"]:
        """Each density as a share of the neuron's densities over all frames and segments; NaN if dead."""
        total = np.nansum(self.density, axis=(1, 2), keepdims=True)
        return self.density / np.where(total > 0, total, np.nan)

    def scalars(self) -> dict[str, float]:
        """How much contributions to one segment vary over time; nothing for a single frame.

        The coefficient of variation over the frames, of the median neuron and segment: 0 if a neuron's contribution
        to an object is constant.
        """
        seen = self.density[:, :, np.isfinite(self.density[0]).sum(0) >= 2]
        mean = np.nanmean(seen, axis=1) if seen.size else np.zeros(0)
        if not (mean > 0).any():
            return {}
        variation = np.nanstd(seen, axis=1)[mean > 0] / mean[mean > 0]
        return {"temporal_variation": float(np.median(variation))}

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays needed to redraw the figure."""
        return {
            **super().arrays(),
            "segments": np.array([segment.name for segment in self.segments]),
            "categories": np.array([segment.category for segment in self.segments]),
            "segment_ids": np.array([segment.id for segment in self.segments]),
            "isthing": np.array([segment.isthing for segment in self.segments]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "ThingsAndStuffResult":
        """Restore a saved result."""
        columns = (arrays[name].tolist() for name in ("segment_ids", "segments", "categories", "isthing"))
        segments = tuple(Segment(*row) for row in zip(*columns, strict=True))
        named = {name: arrays[name] for name in ("neurons", "frames", "density")}
        return cls(
            arrays["layer"].item(), labels=tuple(arrays["labels"].tolist()), segments=segments, **named
        )


def things_and_stuff(
    layer: LayerCanvas,
    neurons: Sequence[int],
    masks: Sequence[Int[Tensor, "height width"]],
    segments: Sequence[Segment],
    frames: Sequence[int],
) -> ThingsAndStuffResult:
    """Mean |c| of the given neurons over every segment of every frame.

    Args:
        layer: the layer's canvas at these frames.
        neurons: indices of the neurons.
        masks: segment ids of each of the canvas's frames.
        segments: what the ids mean; ids without a meaning belong to no segment.
        frames: numbers of the frames in the source.

    Raises:
        IndexError: if a neuron does not exist.
    """
    sizes = layer.maps(neurons).abs().double()
    densities = []
    for frame, mask in enumerate(masks):
        labels = instance_partition(mask, segments).flatten().to(sizes.device)
        sums = sizes.new_zeros(len(sizes), len(segments) + 1)
        sums.index_add_(1, labels, sizes[:, frame].flatten(1))
        areas = torch.bincount(labels, minlength=len(segments) + 1)
        densities.append((sums / areas.where(areas > 0, torch.nan))[:, 1:])  # label 0 is no segment
    return ThingsAndStuffResult(
        layer=layer.name,
        neurons=np.asarray(neurons),
        labels=tuple(neuron_label(layer, neuron) for neuron in neurons),
        segments=tuple(segments),
        frames=np.asarray(frames),
        density=torch.stack(densities, 1).cpu().numpy(),
    )
