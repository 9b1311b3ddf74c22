"""Options of the config's loggers on the command line: ``--trainer.logger.project=mine``.

The parser would give such an option to the last logger of the list, whose it need not be.
"""

from collections.abc import Sequence
from typing import Any

from jsonargparse import Namespace, get_loader

from xinc_lightning.errors import UserError, did_you_mean

LOGGER = "--trainer.logger"


def logger_options(args: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Take the options of loggers out of the arguments, unless the command line names the loggers, too.

    >>> logger_options(["fit", "--trainer.logger.project=mine", "--trainer.logger.entity", "me", "--name", "a"])
    (['fit', '--name', 'a'], {'project': 'mine', 'entity': 'me'})
    """
    if any(arg.partition("=")[0] in (LOGGER, f"{LOGGER}+") for arg in args):
        return list(args), {}
    kept, options, rest = [], {}, iter(args)
    for arg in rest:
        option, equals, value = arg.partition("=")
        if option.startswith(f"{LOGGER}."):
            name = option.removeprefix(f"{LOGGER}.").removeprefix("init_args.")
            options[name] = value if equals else next(rest, "null")
        else:
            kept.append(arg)
    return kept, options


def set_logger_options(loggers: Any, options: dict[str, str]) -> None:
    """Set each option of the loggers that have it.

    Raises:
        UserError: if none has it.
    """
    entries = loggers if isinstance(loggers, list) else [loggers]
    arguments = [
        entry.init_args for entry in entries if isinstance(entry, Namespace) and "init_args" in entry
    ]
    for name, value in options.items():
        having = [known for known in arguments if name in known]
        if not having:
            near = did_you_mean(name, {key for known in arguments for key in vars(known)}) or "."
            raise UserError(f"no logger of this config has an option {name!r}{near}")
        for known in having:
            known[name] = get_loader("yaml")(value)


def none_as_null(args: Sequence[str]) -> list[str]:
    """Python's ``None``, which sweeps write, as YAML's ``null``.

    >>> none_as_null(["--model.warmup=None", "--name", "None"])
    ['--model.warmup=null', '--name', 'None']
    """
    return [arg.removesuffix("None") + "null" if arg.endswith("=None") else arg for arg in args]
