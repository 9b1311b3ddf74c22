"""Networks from the weights beside an epoch's analyses, also of an untrusted run: nothing of it is executed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor

from xinc_lightning.canvas import Canvas, CanvasOptions, TracedCanvas, picture_without
from xinc_lightning.data import PanopticClip, other_clip
from xinc_lightning.errors import UserError
from xinc_lightning.modules import INRModule
from xinc_lightning.modules.architectures import ARCHITECTURES
from xinc_lightning.runs.weights_file import parse_weights

MOST_PIXELS = 1 << 24
"""Of a frame."""

MOST_FRAMES = 1 << 20


class NetworkError(UserError):
    """Weights that cannot be made a network; the message continues a sentence that begins with the file's name."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network as it was analysed.

    Attributes:
        module: in evaluation mode, on the CPU.
        options: what counts as a neuron, and as its contribution.
        clip: the facts of the clip it was trained on, see :func:`~xinc_lightning.data.clip_facts`.
    """

    module: INRModule
    options: CanvasOptions
    clip: Mapping[str, Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        frames, height, width = self.module.hparams["clip_shape"]
        return frames, height, width

    @property
    def nbytes(self) -> int:
        """Of its weights."""
        return sum(tensor.nbytes for tensor in self.module.state_dict().values())

    def is_of(self, clip: PanopticClip) -> bool:
        """Whether a clip is the one that it was trained on."""
        same = (len(clip), clip.height, clip.width) == self.shape
        return same and not (self.clip and other_clip(clip, self.clip))

    def canvas(self, position: int) -> TracedCanvas:
        """The canvas of one frame."""
        network, inputs = self.module.canvas_inputs(position)
        return Canvas(network, **asdict(self.options)).at(inputs)

    def picture(self, position: int, removed: Mapping[str, Tensor] | None = None) -> Tensor:
        """One frame without the terms of some neurons by layer, [3, height, width], not clamped."""
        network, inputs = self.module.canvas_inputs(position)
        made = picture_without(Canvas(network, **asdict(self.options)), removed or {}, inputs)
        return made[0] if made.ndim == 4 else made.movedim(-1, 0)


def load_network(content: bytes) -> Network:
    """The network in a file of weights.

    Its class must be one of this package's, so that no code of a run is executed, and its weights must have the shapes
    that its hyperparameters ask for, so that nothing larger than the file is built.

    Raises:
        UnreadableError: if the file is damaged or of others.
        NetworkError: if it describes no network of this package.
    """
    about = parse_weights(content)
    kind = next((kind for kind in ARCHITECTURES if kind.__name__ == about["module"]), None)
    if kind is None:
        raise NetworkError(
            f"is of '{about['module']}', not of a network of this package, which alone are built here"
        )
    try:
        module = _built(kind, about)
        options = replace(CanvasOptions(**about.get("canvas", {})), maps="contribution")
    except (UserError, TypeError, ValueError, KeyError, RuntimeError, AttributeError) as error:
        raise NetworkError(f"describes no {kind.__name__} ({' '.join(str(error).split())[:200]})") from None
    return Network(module, options, about.get("clip", {}))


def _built(kind: type[INRModule], about: Mapping[str, Any]) -> INRModule:
    options = kind.arguments(about["hyper_parameters"])
    frames, height, width = options.get("clip_shape") or (0, 0, 0)
    if not (0 < frames <= MOST_FRAMES and 0 < height * width <= MOST_PIXELS):
        raise ValueError(f"clip_shape is {options.get('clip_shape')}")
    with torch.random.fork_rng([]), torch.device("meta"):
        wanted = {name: tensor.shape for name, tensor in kind(**options).state_dict().items()}
    found = {name: tensor.shape for name, tensor in about["state_dict"].items()}
    if wanted != found:
        raise ValueError(f"{prod(next(iter(found.values()), (0,)))} weights that do not fit")
    with torch.random.fork_rng([]):
        module = kind(**options)
    module.on_load_checkpoint(dict(about))
    module.load_state_dict(about["state_dict"])
    return module.eval()
