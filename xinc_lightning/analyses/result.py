"""Base of all results: their scalars, and their conversion to arrays and back."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, TypeVar, get_origin

import numpy as np

R = TypeVar("R", bound="Result")


@dataclass(frozen=True)
class Result:
    """Result of an analysis of a layer; its attributes are arrays, numbers, strings and tuples of these.

    >>> @dataclass(frozen=True)
    ... class Depth(Result):
    ...     analysis = "depth"
    ...     depths: np.ndarray
    >>> Depth.from_arrays(Depth("head", np.arange(2)).arrays())
    Depth(layer='head', depths=array([0, 1]))

    Attributes:
        analysis: name of the analysis in logged scalars and in a run folder.
        layer: name of the layer.
    """

    analysis: ClassVar[str]
    layer: str

    def scalars(self) -> dict[str, float]:
        """The scalars to log, by name."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays needed to redraw the figure, by attribute, without those that are None."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: np.asarray(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_arrays(cls: type[R], arrays: Mapping[str, np.ndarray]) -> R:
        """Restore a saved result from what ``numpy.load`` returns; the file may have further arrays.

        Attributes that an older version did not save have their defaults.
        """
        return cls(
            **{
                field.name: _value(field.type, arrays[field.name])
                for field in fields(cls)
                if field.name in arrays or field.default is MISSING
            }
        )


def _value(kind: Any, array: np.ndarray) -> Any:
    if kind in (int, float, bool, str):
        return array.item()
    return tuple(array.tolist()) if get_origin(kind) is tuple else array
