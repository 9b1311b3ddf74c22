"""A trained network and the facts of its clip as one self-contained file, and back."""

import copy
import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from torch import Tensor

from xinc_lightning.compression import CodedError, decode_network, encode_network
from xinc_lightning.compression.container import ClipFileError, pack, unpack
from xinc_lightning.data import PanopticClip
from xinc_lightning.data.pixels import to_uint8
from xinc_lightning.modules.architectures import ARCHITECTURES
from xinc_lightning.modules.base import INRModule
from xinc_lightning.text import LONGEST, printable

OF_TRAINING = (
    *("target_bpp", "target_parameters", "loss", "learning_rate", "warmup", "clip_shape"),
    "encoder_channels",
)
"""Hyperparameters that do not change how frames are rendered; the number of parameters says the size."""

PARAMETERS_PER_BYTE = 1000
"""At most; an even more compressible network would not be a network."""

MOST_PARAMETERS, MOST_PIXELS, MOST_FRAMES = 1 << 30, 1 << 25, 1 << 20
"""Of a network, of a frame (8K has as many), and frames of a clip."""

MOST_OPTION = 1024
"""Largest integer among the options, such as a stride or a depth; the longest list has 16."""


class ClipFacts(BaseModel):
    """What a file says of its clip.

    Attributes:
        name: of the clip.
        indices: each frame's number in the source.
        height: rows of a frame.
        width: columns of a frame.
        fps: frames a second; None where the source has no rate.
    """

    model_config = ConfigDict(strict=True, extra="forbid")
    name: str = Field(max_length=LONGEST)
    indices: list[int] = Field(min_length=1, max_length=MOST_FRAMES)
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    fps: float | None = Field(gt=0, le=1e6, allow_inf_nan=False)


class _Description(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    module: str
    target: int = Field(ge=1, le=MOST_PARAMETERS)
    """With which a network of this size is built, see :attr:`INRModule.exact_target`."""
    parameters: int = Field(ge=1, le=MOST_PARAMETERS)
    options: dict[str, Any]
    clip: ClipFacts
    frames: str
    """Digest of the frames, in hexadecimal."""


@dataclass(frozen=True)
class DecodedClip:
    """What a file holds.

    Attributes:
        module: the network, to render any of the frames.
        facts: of the clip.
        digest: of the frames as the encoder saw them, see :func:`digest_of`.
    """

    module: INRModule
    facts: ClipFacts
    digest: str


def facts_of(clip: PanopticClip) -> ClipFacts:
    """The facts of a clip that a file carries."""
    return ClipFacts(
        name=printable(clip.name)[:LONGEST],
        indices=list(clip.indices),
        height=clip.height,
        width=clip.width,
        fps=clip.fps,
    )


@torch.no_grad()
def encode_clip(
    module: INRModule, facts: ClipFacts, bits: float | Mapping[str, float] = 8
) -> tuple[bytes, Tensor]:
    """The file of a network, and the frames that it decodes to.

    Args:
        module: the trained network, in evaluation mode.
        facts: of its clip.
        bits: of the quantisation before entropy coding, or those of each parameter by name.

    Returns:
        The bytes, and [frames, 3, height, width], not clamped, on the network's device.
    """
    weights = encode_network(module.network, bits, module.channel_dims)
    decoder = copy.deepcopy(module)
    decoder.load_network(decode_network(weights, module.network, module.channel_dims))
    frames = decoder.reconstruct()
    description = {
        "module": type(module).__name__,
        "target": module.exact_target,
        "parameters": module.budget.parameters,
        "options": {k: v for k, v in module.hparams.items() if k not in OF_TRAINING and _is_plain(v)},
        "clip": facts.model_dump(exclude={"indices"}) | {"indices": _shorter(facts.indices)},
        "frames": digest_of(frames),
    }
    return pack(description, weights), frames


@torch.no_grad()
def decode_clip(content: bytes, modules: Sequence[type[INRModule]] = ARCHITECTURES) -> DecodedClip:
    """Build the network that a file holds.

    Args:
        content: of the file; untrusted.
        modules: the classes it may be of.

    Raises:
        ClipFileError: if the file is damaged, of a newer version, or asks for more than :data:`MOST_PARAMETERS` and
            the like; before anything of that size is allocated.
    """
    description, weights = unpack(content)
    try:
        clip = description.get("clip")
        if isinstance(clip, dict):
            description["clip"] = clip | {"indices": _longer(clip.get("indices"))}
        found = _Description.model_validate(description)
        kind = next((m for m in modules if m.__name__ == found.module), None)
        if kind is None:
            known = ", ".join(m.__name__ for m in modules)
            raise ClipFileError(f"holds a '{printable(found.module)[:LONGEST]}', which is none of {known}")
        options = _options(kind, found.options)
        if found.parameters > PARAMETERS_PER_BYTE * len(content):
            raise ClipFileError(f"claims {found.parameters:,} parameters in {len(content):,} bytes")
        if found.clip.height * found.clip.width > MOST_PIXELS:
            raise ClipFileError(f"claims frames of {found.clip.height:,}×{found.clip.width:,} pixels")
        module = _built(kind, found, options)
        module.load_network(decode_network(weights, module.network, module.channel_dims))
    except ClipFileError:
        raise
    except CodedError as error:
        raise ClipFileError(f"is damaged: {error}") from None
    except Exception as error:  # only with a right checksum: a file that was made wrong, or to do harm
        raise ClipFileError(f"cannot be decoded ({type(error).__name__})") from None
    return DecodedClip(module.eval(), found.clip, found.frames)


def digest_of(frames: Tensor) -> str:
    """Digest of frames [frames, 3, height, width] as 8-bit pictures: whether a decoder renders what was encoded."""
    digest = hashlib.blake2b(digest_size=8)
    for frame in frames:
        digest.update(to_uint8(frame).tobytes())
    return digest.hexdigest()


def _is_plain(value: Any) -> bool:
    """Whether a file can carry an option; those of one's own modules may be anything."""
    return (
        value is None
        or isinstance(value, str | int | float)
        or (isinstance(value, list) and all(_is_plain(item) for item in value))
    )


def _options(kind: type[INRModule], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options, if they are of the types of the constructor's arguments and within limits."""
    parameters = inspect.signature(kind).parameters
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        if len(values) > 16 or any(isinstance(v, int) and abs(v) > MOST_OPTION for v in values):
            raise ClipFileError(f"has an option out of range: {printable(name)[:LONGEST]}")
        if name in parameters:
            TypeAdapter(parameters[name].annotation).validate_python(value, strict=True)
    return dict(given)


def _built(kind: type[INRModule], found: _Description, options: Mapping[str, Any]) -> INRModule:
    shape = [len(found.clip.indices), found.clip.height, found.clip.width]
    arguments = kind.arguments(options)
    with torch.random.fork_rng([]):
        with torch.device("meta"):  # without memory, until its size is known
            module = kind(target_parameters=found.target, clip_shape=shape, **arguments)
        if module.budget.parameters != found.parameters:
            raise ClipFileError("does not hold the network that it describes")
        module = kind(target_parameters=found.target, clip_shape=shape, **arguments)
    module.restore(options)
    return module


def _shorter(indices: list[int]) -> list[int] | dict[str, int]:
    """Indices; of evenly spaced ones, the first, their step and number."""
    step = indices[1] - indices[0] if len(indices) > 1 else 1
    if indices == [indices[0] + i * step for i in range(len(indices))]:
        return {"first": indices[0], "step": step, "count": len(indices)}
    return indices


def _longer(indices: Any) -> Any:
    if isinstance(indices, dict) and all(isinstance(v, int) for v in indices.values()):
        first, step, count = (indices.get(name, 0) for name in ("first", "step", "count"))
        if not 1 <= count <= MOST_FRAMES:
            raise ClipFileError(f"claims {count:,} frames")
        return [first + i * step for i in range(count)]
    return indices
