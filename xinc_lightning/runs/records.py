"""Writing JSON records as valid JSON, and reading JSON and YAML from untrusted sources."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xinc_lightning.runs.atomic import write_atomically
from xinc_lightning.runs.untrusted import UnreadableError

MOST_NODES = 100_000
"""Values in a YAML file with its aliases written out; a few hundred bytes of aliases of aliases can mean gigabytes."""


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as indented JSON, atomically and with sorted keys.

    Raises:
        OSError: if it cannot be written.
        ValueError: if there is a NaN or an infinity in it, see :func:`without_nan`.
    """
    write_atomically(path, as_json(record))


def as_json(record: Mapping[str, Any]) -> bytes:
    """A record as the content of such a file.

    Raises:
        ValueError: if there is a NaN or an infinity in it.
    """
    return json.dumps(record, indent=1, sort_keys=True, allow_nan=False, default=str).encode() + b"\n"


def without_nan(scalars: Mapping[str, Any]) -> dict[str, Any]:
    """The values with None for NaN and infinity, for which Python would write invalid JSON.

    >>> without_nan({"psnr": 30.0, "ssim": float("nan")})
    {'psnr': 30.0, 'ssim': None}
    """
    return {n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in scalars.items()}


def parse_json(content: bytes) -> Any:
    """Content of a JSON file.

    Raises:
        UnreadableError: if it is not valid JSON.
    """
    try:
        return json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise UnreadableError("is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"is no JSON ({_first_line(error)})") from None


def parse_yaml(content: bytes) -> Any:
    """Content of a YAML file as plain values: tags construct nothing, aliases do not multiply.

    >>> parse_yaml(b"a: [1, 2020-01-01]")
    {'a': [1, '2020-01-01']}

    Raises:
        UnreadableError: if it is not valid YAML, or expands without bounds.
    """
    loader = None
    try:
        loader = yaml.SafeLoader(content.decode("utf-8"))
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_NODES:
            raise UnreadableError(f"holds more than {MOST_NODES:,} values")
        return _plain(loader.construct_document(node))
    except UnreadableError:
        raise
    except UnicodeDecodeError:
        raise UnreadableError("is not UTF-8") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise UnreadableError(f"is no YAML ({_first_line(error)})") from None
    finally:
        if loader is not None:
            loader.dispose()


def _size(node: Any, known: dict[int, int]) -> int:
    """Number of values below a node, with aliases counted each time."""
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1  # what contains itself has no end
        children: list[Any] = []
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]


def _plain(value: Any) -> Any:
    """Dates, sets, bytes and keys that are no text become text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | float | str):
        return value
    return value if isinstance(value, int) and abs(value) < 1 << 63 else str(value)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
