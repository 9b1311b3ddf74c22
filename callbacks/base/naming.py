"""Distinct names for the results of several analyses of one class."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol, TypeVar

from xinc_lightning.callbacks.base.cadence import Cadence
from xinc_lightning.errors import UserError

CADENCES = tuple(field.name for field in fields(Cadence))

LONGEST = 100
"""Most characters appended to a file's name."""


class HasOptions(Protocol):
    """The part of an analysis that determines its name."""

    @property
    def options(self) -> dict[str, Any]:
        """The constructor's arguments."""


A = TypeVar("A", bound=HasOptions)


def names_of(analyses: Sequence[A]) -> dict[A, str]:
    """What is appended to the names of each analysis's results; empty for the first of each class.

    Further analyses of a class are named after the options in which they differ from the first, such as
    ``frame=3``; after their schedules only if no other option differs.

    Raises:
        UserError: if two have the same options.
    """
    labels: dict[A, str] = {}
    for kind in dict.fromkeys(map(type, analyses)):
        twins = [analysis for analysis in analyses if type(analysis) is kind]
        for unnamed in (CADENCES, ()):
            found = [_difference(twin.options, twins[0].options, unnamed) for twin in twins]
            if len(set(found)) == len(found):
                break
        else:
            raise UserError(f"two {kind.__name__} have the same options; remove one, or change its options.")
        labels |= dict(zip(twins, found, strict=True))
    return {analysis: labels[analysis] for analysis in analyses}


def _difference(options: Mapping[str, Any], first: Mapping[str, Any], unnamed: Collection[str]) -> str:
    """The options that differ from the first analysis's, as part of a file's name."""
    there = essential(first)
    differ = {n: v for n, v in essential(options).items() if v != there.get(n) and n not in unnamed}
    return ",".join(f"{name}={_brief(value)}" for name, value in differ.items())[:LONGEST]


def essential(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that distinguish analyses: all but ``strict`` and the schedules that are not used."""
    unused = {name for name in CADENCES if not options[name]}
    return {name: value for name, value in options.items() if name not in {*unused, "strict"}}


def _brief(value: Any) -> str:
    """An option as part of a file's name.

    >>> _brief((4, 8)), _brief(["head", "block1"])
    ('4x8', 'head+block1')
    """
    if not isinstance(value, list | tuple):
        text = str(value)
    else:
        text = ("+" if isinstance(value, list) else "x").join(map(str, value))
    return "".join(c if c.isalnum() or c in "._-+" else "_" for c in text)
