"""What all results can do: say their numbers, become arrays, to be saved, and come back from them."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, TypeVar, get_origin

import numpy as np

R = TypeVar("R", bound="Result")


@dataclass(frozen=True)
class Result:
    """What an analysis found out about a layer; its attributes are arrays, numbers, strings and tuples of these.

    >>> @dataclass(frozen=True)
    ... class Depth(Result):
    ...     analysis = "depth"
    ...     depths: np.ndarray
    >>> Depth.from_arrays(Depth("head", np.arange(2)).arrays())
    Depth(layer='head', depths=array([0, 1]))

    Attributes:
        analysis: name of the analysis, by which its numbers are logged and its arrays filed in a run's folder.
        layer: name of the layer.
    """

    analysis: ClassVar[str]
    layer: str

    def scalars(self) -> dict[str, float]:
        """The numbers to be logged, by name."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that is needed to draw the figure again, by attribute; what is None is left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: np.asarray(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_arrays(cls: type[R], arrays: Mapping[str, np.ndarray]) -> R:
        """The result that was saved, from what ``numpy.load`` returns; it need not be the only thing in the file.

        What an older version did not save has its default, where it has one.
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
