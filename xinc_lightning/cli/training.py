"""``fit``, ``validate``, ``test`` and ``predict``: LightningCLI with run folders and one-line errors."""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import torch
import yaml
from jsonargparse import Namespace
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback
from lightning.pytorch.plugins import CheckpointIO
from lightning.pytorch.utilities import rank_zero_only

import xinc_lightning.callbacks as callbacks
import xinc_lightning.modules as modules
from xinc_lightning import __version__
from xinc_lightning.callbacks.base.callback import analyses_of
from xinc_lightning.callbacks.base.runner import check_analyses
from xinc_lightning.callbacks.interruption import SIGNALS, Interrupted, Interruption, stop_at_once
from xinc_lightning.canvas import CanvasOptions
from xinc_lightning.cli.config_lists import lists_replaced
from xinc_lightning.cli.console import fail, one_line_errors
from xinc_lightning.cli.failures import configuring, how_to_resume, running
from xinc_lightning.cli.logger_options import logger_options, none_as_null, set_logger_options
from xinc_lightning.cli.parse_errors import Classes, explain
from xinc_lightning.cli.processes import watching
from xinc_lightning.cli.trust import vetted
from xinc_lightning.data import ClipDataModule, clip_of, other_clip
from xinc_lightning.errors import UserError, did_you_mean
from xinc_lightning.loggers import run_loggers
from xinc_lightning.modules import INRModule
from xinc_lightning.runs.atomic import write_atomically
from xinc_lightning.runs.checkpoint_file import CheckpointFile, read_checkpoint
from xinc_lightning.runs.checkpoint_form import cannot_resume, unlike
from xinc_lightning.runs.folder import discard, lock, new_run, newest_checkpoint, run_of, unlock
from xinc_lightning.runs.layout import CONFIG, REPORT
from xinc_lightning.runs.lightning_private import CommandLine

RANK: int = rank_zero_only.rank  # type: ignore[attr-defined]
"""Rank of this process among those that Lightning or a cluster has launched."""


class Parser(LightningArgumentParser):
    """A parser whose errors are one line that names the nearest match."""

    def error(self, message: str, exception: Exception | None = None) -> NoReturn:
        """Print one line and exit with 2."""
        fail(explain(message, known_classes()), 2)


def known_classes() -> Classes:
    """The classes that a command may name, by the prefix of their options."""
    return {
        "trainer": [Trainer],
        "canvas": [CanvasOptions],
        "data": [ClipDataModule],
        "model": [getattr(modules, name) for name in modules.__all__],
        "callbacks": [getattr(callbacks, name) for name in callbacks.__all__],
    }


class SaveRunConfig(SaveConfigCallback):
    """Writes the resolved config to ``<run>/config.yaml`` and logs it.

    Args:
        asked: the config without the path of the run folder, so that another run can start from the file.
        arguments: see the base class.
    """

    def __init__(self, *arguments: Any, asked: Namespace, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asked = asked

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Called once, on rank zero."""
        text = self.parser.dump(self.asked, skip_none=False)
        write_atomically(Path(trainer.default_root_dir) / CONFIG, text.encode())
        for logger in trainer.loggers:
            logger.log_hyperparams({**yaml.safe_load(text), **self._in_short(trainer, pl_module)})

    def _in_short(self, trainer: Trainer, module: LightningModule) -> dict[str, Any]:
        """The main settings, by which runs are distinguished in a logger's list of runs."""
        assert isinstance(module, INRModule)
        clip, budget = clip_of(trainer), module.budget
        return {
            "video": clip.name,
            "architecture": module.architecture,
            "bpp": round(budget.bpp, 2),
            "parameters": budget.parameters,
            "seed": self.asked.get("seed_everything"),
            "frames": len(clip),
            "height": clip.height,
            "width": clip.width,
            "optimizer": "Adam",
            "versions": {"xinc_lightning": __version__, "torch": torch.__version__},
            "hardware": hardware(trainer.strategy.root_device),
        }


def hardware(device: torch.device) -> str:
    """What a network is trained on: the name of the GPU, or the number of processors."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {os.cpu_count()} processors"


class TrainingCLI(CommandLine):
    """The commands that need a Trainer."""

    trained_epochs = 0
    trained_clip: dict[str, Any] | None = None
    only_the_end = False

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Options in addition to model, data and trainer."""
        parser.add_class_arguments(CanvasOptions, "canvas")
        parser.add_argument("--name", type=str, default="run", help="name of the run's folder")
        parser.add_argument(
            "--keep_weights", type=bool, default=True, help="keep the weights beside each epoch's analyses"
        )

    @configuring()
    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the command line and the configs."""
        given, for_loggers = logger_options(none_as_null(vetted(sys.argv[1:] if args is None else args)))
        self.config = parser.parse_args(lists_replaced(given))
        for part in ("trainer", "data", "model"):
            if self.config[self.config.subcommand].get(part) is None:
                raise UserError(f"{part} is null; give its options, or remove the key to use the defaults.")
        set_logger_options(self.config[self.config.subcommand].trainer.logger, for_loggers)

    @configuring()
    def find_checkpoint(self) -> None:
        """Find ``last`` and ``best``, and reject a checkpoint of another network.

        Lightning would silently overwrite the command's hyperparameters with those of the checkpoint.
        """
        config = self.config[self.config.subcommand]
        self.trained_epochs, self.logged = 0, dict[str, dict[str, Any]]()
        if not config.get("ckpt_path"):
            if self.config.subcommand != "fit":
                raise UserError(
                    f"`{self.config.subcommand}` needs a trained network: add --ckpt_path last, --ckpt_path best or "
                    "--ckpt_path FILE."
                )
            return
        path = Path(config.ckpt_path)
        if config.ckpt_path in ("last", "best"):
            path = newest_checkpoint(self._root(config), config.name, config.ckpt_path)
        elif not path.is_file():
            near = did_you_mean(str(path), map(str, path.parent.glob("*.ckpt"))) or "."
            raise UserError(f"ckpt_path: there is no file '{path}'{near}")
        config.ckpt_path = str(path)
        checkpoint = read_checkpoint(path)
        self.trained_epochs = checkpoint["trained_epochs"]
        self.trained_clip = checkpoint.get("clip")  # version 0.1 did not store it
        # Version 0.1 had an entry for W&B only.
        old = {"WandbRun": checkpoint["wandb"]} if "wandb" in checkpoint else {}
        self.logged = checkpoint.get("loggers", old)
        trained, asked_for = checkpoint["module"], config.model.class_path.rpartition(".")[2]
        if trained != asked_for:
            raise UserError(f"'{path}' is a checkpoint of {trained}, but the config's model is {asked_for}.")
        self.stored_weights = checkpoint["state_dict"]
        if self.config.subcommand == "fit":
            self._refuse_to_train_less(path, config)
            if missing := cannot_resume(checkpoint):
                raise UserError(f"'{path}' can be tested, but not resumed: it has no {missing}.")
        stored = checkpoint["hyper_parameters"]
        if "clip_shape" in stored and config.model.init_args.get("clip_shape") is None:
            config.model.init_args.clip_shape = stored["clip_shape"]
        for key, asked in config.model.init_args.items():
            if key in stored and asked is not None and _plain(asked) != _plain(stored[key]):
                source = run_of(path)
                raise UserError(
                    f"model.{key} is {_plain(asked)} in this command but {_plain(stored[key])} in the checkpoint "
                    f"'{path}'. Use the config the checkpoint was trained with"
                    + (f": --config {source / CONFIG}" if source else ".")
                )

    def _refuse_to_train_less(self, path: Path, config: Namespace) -> None:
        """End the command where nothing is left to train, before anything is written or logged."""
        done, wanted = self.trained_epochs, config.trainer.max_epochs
        if wanted in (None, -1) or done < wanted:
            return
        if done > wanted:
            raise UserError(
                f"'{path}' has been trained for {done} epochs, which is more than trainer.max_epochs={wanted}; "
                f"raise --trainer.max_epochs above {done} to continue."
            )
        print(f"{done} of {wanted} epochs are done; raise --trainer.max_epochs to continue.")
        if (run := run_of(path)) is not None and (run / REPORT).is_file():
            raise SystemExit(0)
        self.only_the_end = True

    @configuring()
    def before_instantiate_classes(self) -> None:
        """Choose the run folder, and set it as the output folder of trainer and loggers."""
        config = self.config[self.config.subcommand]
        root, command = self._root(config), self.config.subcommand
        self.save_config_kwargs["asked"] = asked = config.clone()
        resumed = run_of(Path(config.ckpt_path)) if command == "fit" and config.get("ckpt_path") else None
        name = config.name if command == "fit" else f"{config.name}-{command}"
        # Only rank 0 makes the folder and writes to it.
        run = resumed or (new_run(root, name) if RANK == 0 else root)
        if command == "fit":
            asked.ckpt_path = None
            if RANK == 0:
                lock(run)
        config.trainer.default_root_dir = str(run)
        loggers = config.trainer.logger
        for logger in loggers if isinstance(loggers, list) else [loggers]:
            if isinstance(logger, Namespace):
                for key, value in (("save_dir", str(run)), ("name", run.name)):
                    if key in logger.init_args and logger.init_args[key] is None:
                        logger.init_args[key] = value

    @configuring()
    def instantiate_classes(self) -> None:
        """Build everything, read the clip and size the network, so that errors show before anything is written."""
        try:
            super().instantiate_classes()
            self.model.canvas_options = asdict(self.config_init[self.subcommand].canvas)
            self.model.keep_weights = self.config_init[self.subcommand].keep_weights
            clip = self.datamodule.clip
            self.model.size_for(len(clip), clip.height, clip.width)
            path = self.config[self.subcommand].get("ckpt_path")
            stored = self.model.to_render(self.stored_weights) if path else {}
            if path and (difference := unlike(stored, self.model.state_dict())):
                raise UserError(f"'{path}' does not fit this network: {difference}.")
            if self.trained_clip and (difference := other_clip(clip, self.trained_clip)):
                raise UserError(
                    f"'{path}' was trained on {difference}. Use the config it was "
                    "trained with, or start a new run without --ckpt_path."
                )
            check_analyses(
                self.trainer, analyses_of(self.trainer), self.model, clip, fitting=self.subcommand == "fit"
            )
        except BaseException:
            if RANK == 0:
                discard(Path(self.config[self.subcommand].trainer.default_root_dir))
            raise
        if clip.lost and RANK == 0:
            print(f"{clip.name}: {len(clip.lost)} segments too small to survive resizing were dropped.")

    def instantiate_trainer(self, **options: Any) -> Trainer:
        """The Trainer; :class:`CheckpointFile` writes its checkpoints unless the config has another such plugin."""
        given = self.config_init[self.subcommand].trainer.plugins or []
        plugins = given if isinstance(given, list) else [given]
        if not any(isinstance(plugin, CheckpointIO) for plugin in plugins):
            plugins = [*plugins, CheckpointFile()]
        if SLURMEnvironment.detect() and not any(isinstance(p, ClusterEnvironment) for p in plugins):
            # Lightning's own requeueing would start a new run; ours is resumed by the printed command.
            plugins = [*plugins, SLURMEnvironment(auto_requeue=False)]
        return super().instantiate_trainer(**{"plugins": plugins, **options})

    def run_command(self, command: str) -> None:
        """Run the command; if it is interrupted, say how to resume."""
        run = Path(self.trainer.default_root_dir)
        loggers = run_loggers(self.trainer.loggers)
        exit_code, failure = 1, ""
        try:
            with running(run, self.config[command].get("ckpt_path")), watching(run, RANK):
                for name, logger in loggers.items():
                    logger.begin(command, run, self.trained_epochs, self.logged.get(name, {}))
                if self.only_the_end:  # a run that was stopped between its last epoch and its report
                    path = self.config.fit.ckpt_path
                    self.model.finishing = True
                    self.trainer.test(self.model, datamodule=self.datamodule, ckpt_path=path, verbose=False)
                else:
                    super().run_command(command)
            exit_code = 0
        except Interrupted as interrupted:
            exit_code = 128 + interrupted.signum
            if self.trainer.is_global_zero:
                name = signal.Signals(interrupted.signum).name
                left = how_to_resume(run) if command == "fit" else ""
                print(f"xinc: stopped by {name}. {left}".rstrip(), file=sys.stderr)
            raise
        except Exception as error:
            failure = str(error)
            raise
        finally:
            for logger in loggers.values():
                logger.close(exit_code, failure)
            if self.trainer.fast_dev_run and RANK == 0:  # type: ignore[attr-defined]
                discard(run)

    @staticmethod
    def _root(config: Namespace) -> Path:
        return Path(config.trainer.default_root_dir or "runs").expanduser()


def run(args: Sequence[str]) -> None:
    """Run one command; a :class:`UserError` is printed as one line, with exit code 1."""
    quieten()
    handlers = {signum: signal.signal(signum, stop_at_once) for signum in SIGNALS}
    sys.argv[1:] = args  # Lightning reads these, and passes them on to the processes it launches
    try:
        with one_line_errors():
            command_line(TrainingCLI)
    finally:
        unlock()
        for signum, handler in handlers.items():
            signal.signal(signum, handler)


def command_line(kind: type[TrainingCLI]) -> TrainingCLI:
    """Parse ``sys.argv``, build what it names and run it, as far as the kind of command line does that."""
    return kind(
        INRModule,
        ClipDataModule,
        subclass_mode_model=True,
        parser_class=Parser,
        parser_kwargs={"prog": "xinc"},
        save_config_callback=SaveRunConfig,
        save_config_kwargs={"save_to_log_dir": False},
        load_from_checkpoint_support=False,
        trainer_defaults={"default_root_dir": None, "callbacks": [Interruption()]},
    )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def quieten() -> None:
    """Hide hints that do not apply here, and warnings that only authors of libraries can fix."""
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.seed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*smaller than the logging interval.*",
        ".*Experiment logs directory.*exists and is not empty.*",
        ".*The dirpath has changed.*",
        ".*Couldn't infer the batch indices.*",
        ".*Checkpoint directory.*exists and is not empty.*",
        ".*`srun` command is available on your system but is not used.*",
        ".*Grad strides do not match bucket view strides.*",
        ".*isinstance.treespec, LeafSpec.* is deprecated.*",
    ):
        warnings.filterwarnings("ignore", message=message)
