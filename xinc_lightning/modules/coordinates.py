"""Training networks of pixel coordinates: one for each frame, all of them in one run."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from xinc_lightning.compression import count_parameters, largest_width
from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.layer_weights import LayerWeights
from xinc_lightning.networks import CoordinateNetwork, Grid, NetworkStack, pixel_grid


class CoordinateModule(INRModule):
    """Base of the modules with an independent network for each frame: a subclass makes one of a given width."""

    network: NetworkStack
    channel_dims = 2
    one_network = False
    _grid: Grid | None = None

    @abstractmethod
    def make(self, width: int) -> CoordinateNetwork:
        """A network whose hidden layers have this width; ``self.hparams`` has the options."""

    def build(self, frames: int, height: int, width: int) -> NetworkStack:
        """One network per frame, each the widest within the target."""
        target = self.parameter_target(1, height, width)
        widest = largest_width(lambda w: count_parameters(lambda: self.make(w)), target)
        return NetworkStack(self.make(widest), frames)

    @property
    def exact_target(self) -> int:
        """Parameters of one frame's network."""
        parameters: int = self.budget.parameters // self.hparams["clip_shape"][0]
        return parameters

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Discard the encoded grid: the checkpoint may have another encoding."""
        super().on_load_checkpoint(checkpoint)
        self._grid = None

    def load_network(self, state: Mapping[str, Tensor]) -> None:
        """Load weights and encoding, and discard the grid encoded with an earlier one."""
        super().load_network(state)
        self._grid = None

    @property
    def grid(self) -> Grid:
        """The encoded pixel grid; cached."""
        if self._grid is None or self._grid.device != self.device:
            self._grid = self.network.grid(*self.hparams["clip_shape"][1:])
        return self._grid

    def render(self, positions: Tensor) -> Tensor:
        """Frames at these positions of the clip."""
        colours: Tensor = self.network(self.grid, positions)
        return colours.reshape(len(positions), 3, *self.hparams["clip_shape"][1:])

    def reduce_losses(self, losses: Tensor) -> Tensor:
        """The sum, so that each network is trained as it would be alone.

        Processes that divide a batch average their gradients, which is corrected to a sum, too.
        """
        sharing: int = self.trainer.train_dataloader.world_size  # type: ignore[union-attr]
        return losses.sum() * sharing

    def canvas_inputs(self, position: int) -> tuple[nn.Module, Tensor]:
        """One frame's network and the pixel grid."""
        _, height, width = self.hparams["clip_shape"]
        return self.network.frame(position), pixel_grid(height, width).to(self.device)

    def layer_weights(self) -> list[LayerWeights]:
        """The linear layers of all frames' networks."""
        parameters = zip(self.network.layers, self.network.weights, self.network.biases, strict=True)
        return [LayerWeights(name, weight, bias, networks=True) for name, weight, bias in parameters]
