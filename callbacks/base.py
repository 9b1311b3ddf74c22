"""When an analysis runs, on what, and without leaving a trace in the training it watches."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from xinc_lightning.callbacks.sinks import Sink
from xinc_lightning.canvas import Canvas, TracedCanvas
from xinc_lightning.data import PanopticClip
from xinc_lightning.modules import INRModule


class Moment:
    """One look at a network: what every due analysis shares, computed at most once.

    Args:
        module: the network in training or under test.
        clip: what it represents.
        epoch: epochs completed.
    """

    def __init__(self, module: INRModule, clip: PanopticClip, epoch: int) -> None:
        self.module = module
        self.clip = clip
        self.epoch = epoch
        self._canvases: dict[int, TracedCanvas] = {}

    @cached_property
    def reconstruction(self) -> Tensor:
        """The clip as the network stores it, [frames, 3, height, width], on the CPU."""
        return self.module.reconstruct().cpu()

    @property
    def architecture(self) -> str:
        """Name of the network's class, without the word module."""
        return type(self.module).__name__.removesuffix("Module")

    def canvas(self, position: int) -> TracedCanvas:
        """The canvas of one frame.

        Args:
            position: the frame's position in the clip.
        """
        if position not in self._canvases:
            network, inputs = self.module.canvas_inputs(position)
            self._canvases[position] = Canvas(network).at(inputs)
        return self._canvases[position]

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

    @abstractmethod
    def analyse(self, moment: Moment, sink: Sink) -> None:
        """Compute, and hand results and figures to the sink."""

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
        moment = Moment(module, trainer.datamodule.clip, epoch)  # type: ignore[attr-defined]
        folder = Path(trainer.default_root_dir) / "analyses" / f"epoch={epoch:04d}"
        with undisturbed(module), Sink(folder, trainer.loggers, epoch, trainer.global_step) as sink:
            for analysis in due:
                analysis.analyse(moment, sink)


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
