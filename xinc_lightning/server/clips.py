"""The clip that a run was trained on, opened again as its configuration says."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from xinc_lightning.data import ClipDataModule, PanopticClip
from xinc_lightning.errors import UserError
from xinc_lightning.runs.reader import Run


def clip_of_run(run: Run) -> PanopticClip | None:
    """The clip of a run; None if its configuration names none that can be read here."""
    given: Mapping[str, Any] = run.config.get("data") or {}
    options = {name: given[name] for name in signature(ClipDataModule).parameters if name in given}
    try:
        return ClipDataModule(**options).clip if options else None
    except (UserError, OSError, TypeError, ValueError):
        return None
