"""All reductions of one layer's canvas, in three passes over its maps."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor
from torch.distributed import (
    ProcessGroup,
    ReduceOp,
    all_reduce,
    broadcast_object_list,
    get_rank,
    get_world_size,
)

from xinc_lightning.canvas.effects import EffectTerms
from xinc_lightning.canvas.memory import is_out_of_memory
from xinc_lightning.canvas.statistics import LayerStatistics
from xinc_lightning.canvas.streams import Partitions, Slots, Track, find_brackets, share_limits
from xinc_lightning.canvas.sweep import Sweep, Terms, TorchSweep

T = TypeVar("T")


def lost_a_process(error: BaseException) -> bool:
    """Whether an error means that another process does not answer; gloo's errors have no class of their own."""
    return isinstance(error, torch.distributed.DistError) or (
        isinstance(error, RuntimeError) and "gloo" in str(error)
    )


def run_on_all_ranks(work: Callable[[], T], group: ProcessGroup | None, device: torch.device) -> T:
    """Run ``work`` on all processes of ``group``; an error on one is raised on all, to avoid a deadlock.

    Args:
        work: a function without communication.
        group: processes that run it at the same time; ``None`` for this one alone.
        device: of the group's tensors.

    Raises:
        MemoryError: if another process ran out of memory.
        RuntimeError: if another process failed in any other way.
    """
    if group is None:
        return work()
    error: Exception | None = None
    try:
        result = work()
    except Exception as raised:
        error = raised
    severity = 0 if error is None else 1 if is_out_of_memory(error) else 2
    worst = torch.tensor(severity, device=device)
    all_reduce(worst, ReduceOp.MAX, group)
    if error is not None:
        raise error
    if worst:
        raise (MemoryError if worst == 1 else RuntimeError)("another process of this run failed.")
    return result


def fastest_sweep(terms: Terms, neurons: Int[Tensor, " n"], max_bytes: int) -> Sweep:
    """The fused kernels for contributions in float32 on the CPU, torch otherwise."""
    on_cpu = terms.values.device.type == "cpu"
    if not isinstance(terms, EffectTerms) and on_cpu and terms.values.dtype == torch.float32:
        from xinc_lightning.canvas.fused import FusedSweep

        return FusedSweep(terms, neurons, max_bytes)
    return TorchSweep(terms, neurons, max_bytes)


def reduce_layer(
    name: str,
    sweep: Sweep,
    terms: Terms,
    neurons: Int[Tensor, " n"],
    partitions: Mapping[str, Tensor],
    thresholds: Sequence[float],
    points: int,
    group: ProcessGroup | None,
    progress: bool,
) -> LayerStatistics:
    """Take all three passes; see :meth:`xinc_lightning.canvas.LayerCanvas.reduce`."""
    for x in thresholds:
        if not 0 < x <= 1:
            raise ValueError(f"thresholds must be fractions of Σ|c| in (0, 1], got {x}.")
    device = neurons.device
    stacked = Partitions.of(partitions, terms.frames, terms.shape, device)
    chunks = sweep.chunks()
    if group is not None:
        chunks = _agree(chunks, group, device)[get_rank(group) :: get_world_size(group)]
    passes = 3 if thresholds else 2
    with sweep.settings(), _progress(name, passes * len(chunks), progress) as track:
        sums = run_on_all_ranks(lambda: sweep.sums(chunks, stacked, track), group, device).merge(group)
        tau = sums.pixels.new_zeros(0, terms.frames)
        if thresholds:
            cumulative = sums.cumulative()
            brackets = find_brackets(cumulative, thresholds)
            refine = partial(sweep.refinement, chunks, brackets, track)
            refinement = run_on_all_ranks(refine, group, device).merge(group)
            tau = refinement.tau(cumulative, brackets, thresholds)
        dtype = terms.values.dtype
        limits = share_limits(
            sums.pixels, len(neurons), torch.float64 if dtype == torch.float64 else torch.float32
        )
        counts = run_on_all_ranks(
            lambda: sweep.counts(chunks, sums, limits, tau, track), group, device
        ).merge(group)
        entropy, curve = sums.entropy, sums.curve(points)
    return LayerStatistics(
        layer=name,
        neurons=neurons,
        signed_sum=sums.signed,
        absolute_sum=sums.absolute,
        minimum=sums.minimum,
        maximum=sums.maximum,
        cluster_sums=stacked.split(sums.clusters),
        cluster_areas=stacked.split(stacked.areas()),
        pixel_sums=sums.pixels,
        entropy=entropy,
        pixels_per_neuron=counts.pixels,
        thresholds=tuple(thresholds),
        tau=tau,
        neurons_above=counts.above,
        curve=curve,
        fluctuation=sums.changes,
    )


def _agree(chunks: list[Slots], group: ProcessGroup, device: torch.device) -> list[Slots]:
    """The chunks of rank 0; those of other ranks may differ if they have more threads."""
    objects = [[chunk.cpu() for chunk in chunks]]
    broadcast_object_list(objects, group=group, group_src=0)
    return [chunk.to(device) for chunk in objects[0]]


@contextmanager
def _progress(name: str, total: int, show: bool) -> Iterator[Track]:
    """An iterator over chunks that advances a progress bar of all passes if ``show``."""
    if not show:
        yield iter
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task(f"canvas of {name}", total=total)

        def track(chunks: Iterable[Slots]) -> Iterator[Slots]:
            for chunk in chunks:
                yield chunk
                bar.advance(task)

        yield track
