"""A trained network, and its clip, from a run's folder."""

import inspect
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from xinc_lightning.data import ClipDataModule, PanopticClip, other_clip
from xinc_lightning.errors import UserError
from xinc_lightning.modules.architectures import ARCHITECTURES
from xinc_lightning.modules.base import INRModule
from xinc_lightning.runs.checkpoint_file import read_checkpoint
from xinc_lightning.runs.layout import CHECKPOINTS, CONFIG, LAST
from xinc_lightning.runs.reader import did_you_mean_run
from xinc_lightning.runs.records import parse_yaml
from xinc_lightning.runs.untrusted import UnreadableError, read_bytes

MOST_YAML = 1 << 18
"""Bytes of a configuration."""


def load_module(path: Path) -> INRModule:
    """The network of a checkpoint, in evaluation mode on the CPU.

    Raises:
        UserError: if it is no checkpoint of one of the architectures.
    """
    checkpoint = read_checkpoint(path)
    kinds = {kind.__name__: kind for kind in ARCHITECTURES}
    if checkpoint["module"] not in kinds:
        raise UserError(
            f"'{path}' is a checkpoint of {checkpoint['module']}, not of one of {', '.join(kinds)}."
        )
    kind, stored = kinds[checkpoint["module"]], checkpoint["hyper_parameters"]
    module = kind(**kind.arguments(stored))
    module.restore(stored)
    module.load_state_dict(checkpoint["state_dict"])
    module.trained_epochs = checkpoint["trained_epochs"]
    return module.eval()


def load_run(run: Path) -> tuple[INRModule, PanopticClip]:
    """The network of a run's last checkpoint, and the clip that it was trained on.

    Raises:
        UserError: if there is no such run, no checkpoint or no clip, or if it is another clip.
    """
    if not run.is_dir():
        raise UserError(f"there is no run '{run}'{did_you_mean_run(run)}")
    path = run / CHECKPOINTS / LAST
    if not path.is_file():
        raise UserError(f"'{run}' has no {CHECKPOINTS}/{LAST}; train it first.")
    module = load_module(path)
    try:
        config = parse_yaml(read_bytes(run / CONFIG, run, MOST_YAML))
        options = config["data"]
        known = inspect.signature(ClipDataModule).parameters
        data = ClipDataModule(
            **{
                name: TypeAdapter(known[name].annotation).validate_python(value)
                for name, value in options.items()
                if name in known
            }
        )
    except FileNotFoundError:
        raise UserError(f"'{run}' has no {CONFIG}, which says which clip it is of.") from None
    except UnreadableError as error:
        raise UserError(f"'{run / CONFIG}' {error}.") from None
    except (KeyError, TypeError, AttributeError, ValidationError):
        raise UserError(f"'{run / CONFIG}' does not say which clip the run is of.") from None
    clip, trained = data.clip, read_checkpoint(path).get("clip")
    if trained and (difference := other_clip(clip, trained)):
        raise UserError(f"'{run}' was trained on {difference}.")
    module.size_for(len(clip), clip.height, clip.width)
    return module, clip
