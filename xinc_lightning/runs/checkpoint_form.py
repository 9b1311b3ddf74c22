"""What a checkpoint holds, checked before anything uses it: it may be of another version, or anybody's."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

Count = Annotated[int, Field(ge=0, lt=10**12)]

FOR_TRAINING = ("optimizer_states", "lr_schedulers", "loops")
"""What training goes on from, beside the weights."""


class Clip(BaseModel):
    """What the network was trained on; version 0.1 did not store it."""

    model_config = ConfigDict(strict=True, extra="allow")

    name: str
    indices: list[int] = Field(min_length=1)
    colours: list[list[float]]


class Options(BaseModel):
    """Of the network's module."""

    model_config = ConfigDict(strict=True, extra="allow")

    clip_shape: list[int] | tuple[int, ...] | None = None


class Form(BaseModel):
    """A checkpoint of Lightning's with our additions; other callbacks may add more."""

    model_config = ConfigDict(strict=True, extra="allow", arbitrary_types_allowed=True)

    state_dict: dict[str, Tensor]
    hyper_parameters: Options
    module: str
    trained_epochs: Count
    epoch: Count = 0
    global_step: Count = 0
    lightning: str = Field("", alias="pytorch-lightning_version", pattern=r"^\d+(\.\w+)*")
    loops: dict[str, Any] = {}
    callbacks: dict[str, dict[str, Any]] = {}
    optimizer_states: list[dict[str, Any]] = []
    lr_schedulers: list[dict[str, Any]] = []
    clip: Clip | None = None
    loggers: dict[str, dict[str, Any]] = {}
    wandb: dict[str, Any] = {}
    analysed: dict[str, Count | None] = {}


def malformed(checkpoint: Mapping[Any, Any]) -> str:
    """The first part that is not as it should be, as part of a sentence; empty if all are."""
    if any(not isinstance(key, str) for key in checkpoint):
        return "it has keys that are no text"
    try:
        Form.model_validate(checkpoint)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ""


def cannot_resume(checkpoint: Mapping[str, Any]) -> str:
    """The part that training lacks to go on, if one is missing."""
    without = (name for name in FOR_TRAINING if name not in checkpoint)
    return next(without, "" if checkpoint.get("optimizer_states") else "optimizer_states")


def unlike(stored: Mapping[str, Tensor], network: Mapping[str, Tensor]) -> str:
    """The first difference between stored weights and a network's, as part of a sentence; empty if there is none.

    >>> from torch import zeros
    >>> unlike({"a": zeros(2)}, {"a": zeros(3), "b": zeros(1)})
    'a has the shape [2], not [3]'
    """
    for name in network:
        if name not in stored:
            return f"it has no {name}"
        if stored[name].shape != network[name].shape:
            return f"{name} has the shape {list(stored[name].shape)}, not {list(network[name].shape)}"
    return next((f"it has {name}, which the network lacks" for name in stored if name not in network), "")
