"""Schemas of a run's records. Content that does not match is reported and skipped before it is used."""

import copy
import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from xinc_lightning.text import LONGEST

MOST_NUMBERS = 10_000
"""In a record; all analyses of NeRV's five layers log 600."""

MOST_FRAMES = 1_000_000
"""Of a clip."""

Number = Annotated[
    float | None,
    Field(strict=True),
    AfterValidator(lambda value: math.nan if value is None else value),
]
"""A number; null stands for one that is not finite."""

Numbers = Annotated[
    dict[str, Number],
    Field(max_length=MOST_NUMBERS),
    AfterValidator(lambda value: {name: number for name, number in value.items() if len(name) <= LONGEST}),
]


class _Open(BaseModel):
    """What is not named here may be there, too."""

    model_config = ConfigDict(extra="allow", strict=True)


class Model(_Open):
    """Which network."""

    class_path: str = "?"


class Data(_Open):
    """The clip, as the configuration names it."""

    path: str = "?"
    clip_id: str | int | None = None


class Canvas(_Open):
    """What analyses looked at; before version 0.2 always contributions."""

    maps: str = "contribution"


class Config(_Open):
    """``config.yaml``."""

    seed_everything: int | bool | None = None
    model: Model | None = None
    data: Data | None = None
    canvas: Canvas | None = None


class Scalars(_Open):
    """``scalars.json``."""

    scalars: Numbers


class Network(_Open):
    """The network in ``settings.json``; before version 0.2 it had no layers."""

    architecture: str | None = None
    layers: list[str] = Field(default=[], max_length=MOST_NUMBERS)


class Frames(_Open):
    """The clip in ``settings.json``."""

    indices: list[int] = Field(default=[], max_length=MOST_FRAMES)


class Settings(_Open):
    """``settings.json``."""

    network: Network = Network()
    clip: Frames = Frames()


def checked(kind: Any, value: Any, say: Callable[[str], None]) -> Any:
    """A value checked against a schema, without the parts that do not match.

    >>> checked(Numbers, {"psnr": 30, "ssim": "good"}, print)
    holds what it should not: ssim (Input should be a valid number)
    {'psnr': 30.0}

    Args:
        kind: one of this module.
        value: plain values, as from JSON.
        say: told what is left out, in the half of a sentence.

    Returns:
        The value; None if there is nothing right about it.
    """
    adapter = TypeAdapter(kind)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        wrong = {item["loc"]: item["msg"] for item in error.errors(include_url=False, include_input=False)}
    first = next(iter(wrong))
    say(
        f"holds what it should not: {'.'.join(map(str, first)) or 'all of it'} ({wrong[first]})"
        + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else "")
    )
    value = copy.deepcopy(value)
    for place in wrong:
        _remove(value, place)
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _remove(value: Any, place: tuple[int | str, ...]) -> None:
    """Remove the part at a path of names, of which those of list items and of the kinds of a union are ignored."""
    holder: dict[int | str, Any] | None = None
    for step in place:
        if not isinstance(value, dict) or step not in value:
            break
        holder, name, value = value, step, value[step]
    if holder is not None:
        holder.pop(name)
