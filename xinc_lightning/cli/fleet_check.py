"""Checks the commands of a fleet as the command line checks a single one, before the first of them is run."""

import io
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from lightning.pytorch import Callback

from xinc_lightning.callbacks import Report
from xinc_lightning.cli.config_lists import lists_replaced
from xinc_lightning.cli.configs import with_shipped_configs
from xinc_lightning.cli.failures import configuring
from xinc_lightning.cli.training import TrainingCLI, command_line, quieten
from xinc_lightning.data import open_clip
from xinc_lightning.errors import UserError
from xinc_lightning.studies.fleet.plan import Cell

OF_THE_CLIP = ("data.path", "data.clip_id", "data.frames", "data.masks")
"""Settings that choose a clip; all others, such as its resolution, are what a network may refuse."""

ALIKE = ("seed_everything", "data.clip_id")
"""Settings that are valid whenever they are numbers, or in the list of clips."""


class Check(TrainingCLI):
    """Parses a command and builds everything that it names, but makes no folder and runs nothing."""

    def before_instantiate_classes(self) -> None:
        """There is no run folder."""
        config = self.config[self.config.subcommand]
        self.save_config_kwargs["asked"] = config.clone()
        config.trainer.default_root_dir = str(self._root(config) / ".check")

    def run_command(self, command: str) -> None:
        """Nothing is run, but a fleet has to see when a fit is done.

        Raises:
            UserError: if the config has no callback that says so.
        """
        callbacks: list[Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
        if not any(isinstance(callback, Report) for callback in callbacks):
            raise UserError(
                "trainer.callbacks have no Report, by whose report.json a fleet sees that a fit is done."
            )


def check_cells(cells: Sequence[Cell]) -> None:
    """Check everything that could be wrong with the commands of cells.

    Of the cells that only differ in their clip, the first is built, with its clip; of the others the options are parsed
    and the clip's files are found. Cells that only differ in seed and clip of a dataset are one.

    Raises:
        UserError: names the first thing that is wrong.
        SystemExit: for an option that cannot be parsed, which the parser has printed.
    """
    built: dict[str, TrainingCLI] = {}
    parsed: set[str] = set()
    for cell in cells:
        options = {key: value for key, value in cell.settings.items() if key not in ALIKE}
        everything = json.dumps([cell.configs, options])
        if everything in parsed:
            continue
        parsed.add(everything)
        same = json.dumps([cell.configs, {k: v for k, v in options.items() if k not in OF_THE_CLIP}])
        arguments = with_shipped_configs(cell.arguments)
        if same not in built:
            built[same] = _build(arguments)
        else:
            _parse(built[same], arguments)


def _build(arguments: list[str]) -> TrainingCLI:
    quieten()
    before, sys.argv = sys.argv, ["xinc", *arguments]
    try:
        with redirect_stdout(io.StringIO()):
            return command_line(Check)
    finally:
        sys.argv = before


def _parse(command: TrainingCLI, arguments: list[str]) -> None:
    with configuring():
        options = [argument for argument in arguments if not argument.startswith("--trainer.logger.")]
        data = command.parser.parse_args(lists_replaced(options)).fit.data
    open_clip(data.path, data.clip_id, data.masks)
