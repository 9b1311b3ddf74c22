"""The parser's error messages of many lines, as one line that says what is wrong."""

import re
from collections.abc import Callable, Iterable, Mapping
from inspect import signature

from xinc_lightning.errors import did_you_mean

Classes = Mapping[str, Iterable[Callable[..., object]]]
"""Classes by the prefix of the options that are their arguments."""

UNKNOWN_OPTION = re.compile(
    r"unrecognized arguments: -*([\w.+-]+)|[Oo]ption '([\w.]+)' is not accepted|does not accept option '([\w.]+)'"
)
UNKNOWN_CLASS = re.compile(
    r"Problem with given class_path '([\w.]+)'|Expected a dot import path string: ([\w.]+)"
)
NOT_IMPORTED = re.compile(
    r"Problem with given class_path '([\w.]+)':\s+(No module named '([\w.]+)'|cannot import name .*)"
)
WRONG_LITERAL = re.compile(r'Parser key "([\w.]+)":\s+Expected a typing.Literal\[(.*?)\]\. Got value: (.*)')
WRONG_TYPE = re.compile(r'Parser key "([\w.]+)":.*(?:Given|Got) value: (.*)', re.DOTALL)
REFUSED = re.compile(
    r"Union subtypes.*?Errors:\s+- (?!Expected|Problem|Not a valid)(.*?)\s*\n\s*- ",
    re.DOTALL,
)
UNBUILT = re.compile(r"Problem with given class_path '(?:\w+\.)*(\w+)':\s*(.*)")
EXPECTED = re.compile(r"Expected an? <class '([\w.]+)'>")


def explain(message: str, classes: Classes) -> str:
    """A parser's message as one line, with the nearest valid name.

    Args:
        message: of jsonargparse.
        classes: the classes whose names and arguments a command may use.

    >>> explain("Option 'exponnt' is not accepted", {"model": [lambda exponent: None]})
    "there is no option 'exponnt'; did you mean 'exponent'?"
    """
    if match := UNKNOWN_OPTION.search(message):
        near = did_you_mean(_found(match), set(_options(classes))) or "."
        return f"there is no option '{_found(match)}'{near}"
    match = NOT_IMPORTED.search(message)
    if match and not f"{match[1]}.".startswith(f"{match[3]}."):  # what its module imports is missing
        return f"class '{match[1]}' cannot be imported: {match[2].rstrip('.')}."
    if match := UNKNOWN_CLASS.search(message):
        names = [c.__name__ for known in classes.values() for c in known]
        near = did_you_mean(_found(match).rpartition(".")[2], names) or "."
        return f"there is no class '{_found(match)}'{near}"
    if match := WRONG_LITERAL.search(message):
        return f"{match[1]} must be one of {match[2]}, got {match[3]!r}."
    match = WRONG_TYPE.search(message)
    if match and (refused := REFUSED.search(message)):  # an error of the class's module or constructor
        return f"{match[1]}: {match[2].strip()!r} failed: {' '.join(refused[1].split()).rstrip('.')}."
    if match and EXPECTED.search(message):
        kinds = ["null" if kind == "NoneType" else kind for kind in EXPECTED.findall(message)]
        return f"{match[1]} must be {' or '.join(dict.fromkeys(kinds))}, got {match[2].strip()!r}."
    return " ".join(message.split())


def refusal(message: str) -> str:
    r"""Extract the constructor's error from the parser's message, as one line.

    >>> refusal("Does not validate against any of the Union subtypes\nErrors:\n- size=0: too small.\n- Expected …")
    'size=0: too small.'
    >>> refusal("Union subtypes\nErrors:\n- size=0: too small.\n- Not a valid subclass …")
    'size=0: too small.'
    >>> refusal("Union subtypes\nErrors:\n- Problem with given class_path 'a.Board': No package board.\nHINT: …")
    'Board: No package board.'
    """
    match = REFUSED.search(message)
    if not match and (unbuilt := UNBUILT.search(message)):  # a package that the class needs is missing
        return f"{unbuilt[1]}: {unbuilt[2].strip()}"
    return " ".join((match[1] if match else message).split())


def _found(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)


def _options(classes: Classes) -> list[str]:
    """Every option as on the command line, and as within a config."""
    names = []
    for prefix, known in classes.items():
        for owner in known:
            takers = (
                owner.__mro__ if isinstance(owner, type) else (owner,)
            )  # what **options hands on to a base
            # Those of the bases too: **options hands them on.
            arguments = [
                name for taker in takers if taker is not object for name in signature(taker).parameters
            ]
            names += arguments + [f"{prefix}.{argument}" for argument in arguments]
    return names
