"""A cache with a limit in bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class BoundedCache:
    """Values by key; those that were not used for longest are dropped so that all together stay within a limit.

    Safe for several threads; a value that two of them miss at once is made once.

    Args:
        limit: bytes of all values together; the newest is kept whatever its size.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The value of a key, made where it is missing.

        Args:
            key: of the value.
            make: makes it.
            size: bytes of it.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return cast(T, self._values[key][0])
            value = make()
            self._values[key] = value, size(value)
            self.bytes += self._values[key][1]
            while self.bytes > self.limit and len(self._values) > 1:
                _, (_, dropped) = self._values.popitem(last=False)
                self.bytes -= dropped
            return value

    def __len__(self) -> int:
        """Count the values."""
        return len(self._values)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values
