"""The installed Lightning still has, and still calls, the private names that we build on."""

import inspect
from types import SimpleNamespace

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.demos.boring_classes import BoringModel
from lightning.pytorch.strategies.launchers.subprocess_script import (
    _launch_process_observer,
    _SubprocessScriptLauncher,
)

from xinc_lightning.runs.lightning_private import CommandLine, CSVWriter, observed_by


def calls(function, name):
    return f"self.{name}(" in inspect.getsource(function)


def test_the_command_line_looks_for_the_checkpoint_before_it_builds_and_then_runs_the_command():
    assert calls(LightningCLI.__init__, "_parse_ckpt_path")
    assert calls(LightningCLI.__init__, "_run_subcommand")
    for name in ("_parse_ckpt_path", "_run_subcommand"):
        theirs, ours = (inspect.signature(getattr(cls, name)) for cls in (LightningCLI, CommandLine))
        assert [*theirs.parameters] == [*ours.parameters]
    source = inspect.getsource(LightningCLI.__init__)
    assert source.index("_parse_ckpt_path") < source.index("self.instantiate_classes()")


def test_processes_are_observed_by_ours_while_it_is_set():
    launch = _SubprocessScriptLauncher.launch
    assert "_launch_process_observer(self.procs)" in inspect.getsource(launch)
    environment = SimpleNamespace(validate_settings=lambda **_: None, creates_processes_externally=False)
    launcher = _SubprocessScriptLauncher(environment, 2, 1)
    launcher._call_children_scripts = lambda: launcher.procs.append("a process")
    seen = []
    with observed_by(seen.append):
        assert launcher.launch(lambda: "result") == "result"
    assert seen == [["a process"]]
    assert launch.__globals__["_launch_process_observer"] is _launch_process_observer


def test_the_writer_of_metrics_asks_before_it_deletes_and_when_columns_come(tmp_path):
    class Writer(CSVWriter):
        called = ()

        def prepare(self, path):
            self.called = ("prepare",)

        def rewrite(self, columns):
            self.called += (tuple(columns),)

    writer = Writer(str(tmp_path))
    writer.log_metrics({"a": 1.0}, 0)
    writer.save()
    writer.log_metrics({"b": 2.0}, 1)
    writer.save()
    assert writer.called == ("prepare", ("a", "b", "step"))


def test_a_callbacks_key_in_a_checkpoint_is_made_of_its_class_and_options():
    class Watcher(Callback):
        pass

    assert Watcher()._generate_state_key(a=1, b=[2]).endswith("Watcher{'a': 1, 'b': [2]}")


def test_a_checkpoint_counts_epochs_and_batches_where_we_rewind_them(tmp_path):
    trainer = Trainer(
        max_epochs=1, limit_train_batches=1, limit_val_batches=0, logger=False, accelerator="cpu",
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(BoringModel())
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    import torch

    loops = torch.load(tmp_path / "a.ckpt", weights_only=True)["loops"]["fit_loop"]
    assert {"ready", "started", "processed"} <= loops["epoch_progress"]["total"].keys()
    assert loops["epoch_progress"]["current"].keys() == loops["epoch_progress"]["total"].keys()
    assert loops["epoch_loop.batch_progress"]["is_last_batch"] is True
