"""When an analysis runs, on what, and without leaving a trace in the training it watches."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from xinc_lightning.analyses import sample_neurons
from xinc_lightning.callbacks.sinks import Sink
from xinc_lightning.canvas import Canvas, LayerCanvas, LayerStatistics, TracedCanvas
from xinc_lightning.data import PanopticClip
from xinc_lightning.modules import INRModule


@dataclass(frozen=True)
class Needs:
    """What an analysis wants to find in the shared pass over the canvas.

    Attributes:
        positions: frames of the clip, by position. All due analyses' positions are looked at together; frames
            next to each other in the sorted union also give the fluctuation between them.
        partitions: by name, each pixel's cluster: [height, width], or position → [height, width] where
            clusters move (for every position that any analysis asks for).
    """

    positions: tuple[int, ...] = (0,)
    partitions: Mapping[str, Tensor | Mapping[int, Tensor]] = field(default_factory=dict)


class Moment:
    """One look at a network: what every due analysis shares, computed at most once.

    Args:
        module: the network in training or under test.
        clip: what it represents.
        epoch: epochs completed.
        needs: what the due analyses want from the shared pass.
        max_neurons: layers of more neurons are sampled, with a fixed seed.
    """

    def __init__(
        self,
        module: INRModule,
        clip: PanopticClip,
        epoch: int,
        needs: Sequence[Needs] = (),
        max_neurons: int | None = None,
    ) -> None:
        self.module = module
        self.clip = clip
        self.epoch = epoch
        self.positions = tuple(sorted({p for need in needs for p in need.positions})) or (0,)
        self.partitions = {name: labels for need in needs for name, labels in need.partitions.items()}
        self.max_neurons = max_neurons
        self._statistics: dict[tuple[str, int], LayerStatistics] = {}

    @cached_property
    def reconstruction(self) -> Tensor:
        """The clip as the network stores it, [frames, 3, height, width], on the CPU."""
        return self.module.reconstruct().cpu()

    @property
    def architecture(self) -> str:
        """Name of the network's class, without the word module."""
        return type(self.module).__name__.removesuffix("Module")

    @cached_property
    def _canvases(self) -> list[tuple[tuple[int, ...], TracedCanvas]]:
        """Canvases and the positions they cover: one for all frames if one network represents them all."""
        return self.canvases_at(self.positions)

    def canvases_at(self, positions: Sequence[int]) -> list[tuple[tuple[int, ...], TracedCanvas]]:
        """Canvases outside the shared pass, and the positions they cover.

        For analyses that look at a few neurons in many frames. Positions that one network represents are in
        one canvas.
        """
        inputs = [self.module.canvas_inputs(position) for position in positions]
        if len({id(network) for network, _ in inputs}) == 1 and inputs[0][1].ndim == 1:
            times = torch.cat([time for _, time in inputs])
            return [(tuple(positions), Canvas(inputs[0][0]).at(times))]
        return [
            ((position,), Canvas(network).at(grid))
            for position, (network, grid) in zip(positions, inputs, strict=True)
        ]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, input side first."""
        return self._canvases[0][1].layers

    def canvas(self, layer: str, position: int) -> tuple[LayerCanvas, int]:
        """A layer's canvas that covers a position, and the index of that position among its frames."""
        for positions, canvas in self._canvases:
            if position in positions:
                return canvas[layer], positions.index(position)
        raise KeyError(f"position {position} is not among the positions asked for, {self.positions}.")

    def statistics(self, layer: str, position: int) -> tuple[LayerStatistics, int]:
        """A layer's reductions that cover a position, and the index of that position among their frames."""
        canvas, frame = self.canvas(layer, position)
        key = (layer, id(canvas))
        if key not in self._statistics:
            covered = next(positions for positions, c in self._canvases if c[layer] is canvas)
            sampled = self.sampled_neurons(canvas.neurons)
            self._statistics[key] = canvas.reduce(self._labels(covered), neurons=sampled)
        return self._statistics[key], frame

    def sampled_neurons(self, neurons: int) -> list[int] | None:
        """Which neurons of a layer of so many are analysed; None for all."""
        if self.max_neurons is None or neurons <= self.max_neurons:
            return None
        return sample_neurons(neurons, self.max_neurons)

    def _labels(self, positions: tuple[int, ...]) -> dict[str, Tensor]:
        """The partitions as the engine takes them: one picture, or one for each frame."""
        labels = {}
        for name, given in self.partitions.items():
            labels[name] = given if isinstance(given, Tensor) else torch.stack([given[p] for p in positions])
        return labels

    def psnr(self, position: int) -> float:
        """PSNR of one frame in dB."""
        pair = (self.reconstruction[position], self.clip.frames[position].cpu())
        return float(peak_signal_noise_ratio(*pair, data_range=1.0))

    def title(self, layer: str, position: int) -> str:
        """Heading of a figure about one layer's canvas of one frame."""
        return (
            f"{self.architecture} {layer} · {self.clip.name} frame {self.clip.indices[position]} · "
            f"epoch {self.epoch} · {self.psnr(position):.2f} dB"
        )


class AnalysisCallback(Callback, ABC):
    """Base of the analyses: they run every so many epochs, at the end of training, and in ``test``.

    All of a trainer's analyses that are due together share one :class:`Moment` and one :class:`Sink`; the
    first of them in the trainer's list runs them all. Training goes on as if they had not run: same mode, same
    random numbers, no gradients.

    Args:
        every_n_epochs: how often; the last epoch is always analysed.

    Raises:
        ValueError: if ``every_n_epochs`` is less than 1.
    """

    def __init__(self, every_n_epochs: int = 100) -> None:
        if every_n_epochs < 1:
            raise ValueError(f"every_n_epochs={every_n_epochs}: an analysis runs every 1 or more epochs.")
        self.every_n_epochs = every_n_epochs
        self.seconds = 0.0  # spent on all analyses, counted by the one that runs them
        self._left_out = False

    def needs(self, clip: PanopticClip) -> Needs:
        """What the shared pass has to provide for this clip."""
        return Needs()

    @abstractmethod
    def analyse(self, moment: Moment, sink: Sink) -> None:
        """Compute, and hand results and figures to the sink."""

    def leave_out(self, why: str) -> None:
        """Say, once, why this analysis cannot run here."""
        if not self._left_out:
            rank_zero_warn(f"{type(self).__name__} is left out: {why}.")
        self._left_out = True

    def due(self, epoch: int, last: bool) -> bool:
        """Whether to run after this many completed epochs."""
        return last or epoch % self.every_n_epochs == 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Run what is due after this epoch."""
        epoch = trainer.current_epoch + 1
        self._lead(trainer, pl_module, epoch, last=epoch == trainer.max_epochs or trainer.should_stop)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Run everything on the tested checkpoint."""
        assert isinstance(pl_module, INRModule)
        self._lead(trainer, pl_module, pl_module.trained_epochs, last=True)

    def _lead(self, trainer: Trainer, module: LightningModule, epoch: int, last: bool) -> None:
        analyses = [c for c in trainer.callbacks if isinstance(c, AnalysisCallback)]  # type: ignore[attr-defined]
        due = [analysis for analysis in analyses if analysis.due(epoch, last)]
        if self is not analyses[0] or not due or trainer.fast_dev_run or not trainer.is_global_zero:  # type: ignore[attr-defined]
            return
        assert isinstance(module, INRModule)
        start = time.perf_counter()
        clip = trainer.datamodule.clip  # type: ignore[attr-defined]
        folder = Path(trainer.default_root_dir) / "analyses" / f"epoch={epoch:04d}"
        with undisturbed(module), Sink(folder, trainer.loggers, epoch, trainer.global_step, last) as sink:
            moment = Moment(module, clip, epoch, [analysis.needs(clip) for analysis in due])
            for analysis in due:
                analysis.analyse(moment, sink)
        self.seconds += time.perf_counter() - start


class FrameAnalysis(AnalysisCallback):
    """Base of the analyses that look at one frame, in all layers or some.

    Args:
        layers: names of the layers, all of them unless given.
        frame: position of the frame in the clip.
        every_n_epochs: see :class:`~xinc_lightning.callbacks.base.AnalysisCallback`.
    """

    def __init__(self, layers: list[str] | None = None, frame: int = 0, every_n_epochs: int = 100) -> None:
        super().__init__(every_n_epochs)
        self.layers = layers
        self.frame = frame

    def needs(self, clip: PanopticClip) -> Needs:
        """The frame."""
        return Needs((self.frame,))


@contextmanager
def undisturbed(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients, after which modes and random number generators are as before."""
    modes = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with torch.no_grad(), isolate_rng():
            yield
    finally:
        for m, mode in modes.items():
            m.training = mode
