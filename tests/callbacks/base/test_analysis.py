"""Analyses in a real Trainer: when they run, what happens when they fail, which options they reject.

The file is long because all tests need the same small Trainer.
"""

import json
import math
import shutil
from datetime import timedelta

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers.logger import DummyLogger
from matplotlib.figure import Figure
from matplotlib.text import Text

from xinc_lightning.callbacks import (
    AnalysisCallback,
    Checkpoints,
    ContributionMaps,
    FlowVsFluctuation,
    GroupingVariance,
    NeuronClusters,
    PixelsPerNeuron,
    Report,
    ThingsAndStuff,
)
from xinc_lightning.callbacks.base.runner import AnalysisError
from xinc_lightning.errors import UserError
from xinc_lightning.modules import NeRVModule


class RecordsEvaluations(AnalysisCallback):
    """Records the epochs and the networks that it analyses."""

    def __init__(self, name="evaluations", **options):
        super().__init__(**options)
        self.name = name
        self._seen = []

    def analyse(self, context, sink):
        self._seen.append((context.epoch, context.module.network_of()))
        sink.scalars(f"xinc/{self.name}", {"epoch": context.epoch})


class Fails(RecordsEvaluations):
    """Fails after adding a result."""

    def analyse(self, context, sink):
        super().analyse(context, sink)
        sink.arrays("half", done=np.zeros(1))
        raise KeyError("no such\nthing")


class FailsEarly(RecordsEvaluations):
    def needs(self, clip):
        raise RuntimeError("no partition")


class Tiny(NeRVModule):
    """A NeRV that is identified by the sum of its weights."""

    def network_of(self):
        return float(sum(p.double().sum() for p in self.network.parameters()))


@pytest.fixture
def fit(clip_of, data_of, tmp_path):
    """Train a tiny network on four frames, two steps an epoch; returns the trainer."""

    def run(*callbacks, ckpt_path=None, clip=None, **options):
        torch.manual_seed(3)
        checkpointing = any(isinstance(c, Checkpoint) for c in callbacks)
        defaults = {
            "max_epochs": 4,
            "enable_checkpointing": checkpointing,
            "num_sanity_val_steps": 1,
            "logger": False,
        }
        trainer = Trainer(
            **{**defaults, **options},
            accelerator="cpu",
            default_root_dir=tmp_path / "run",
            callbacks=[*callbacks],
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
        )
        module = Tiny(target_parameters=5000)
        trainer.fit(module, datamodule=data_of(clip or clip_of(4)), ckpt_path=ckpt_path)
        return trainer

    return run


@pytest.fixture
def folders(tmp_path):
    """Names of the folders of the run's analyses."""

    def find():
        return sorted(p.name for p in (tmp_path / "run" / "analyses").glob("*"))

    return find


def scalars_of(tmp_path, epoch):
    path = tmp_path / "run" / "analyses" / f"epoch={epoch:04d}" / "scalars.json"
    return json.loads(path.read_text())["scalars"]


def epochs(callback):
    return [epoch for epoch, _ in callback._seen]


class Stop(Callback):
    """Stops training after the second epoch, after all other callbacks."""

    def __init__(self, batch=None):
        self.batch = batch

    def on_train_epoch_end(self, trainer, module):
        if self.batch is None and trainer.current_epoch == 1:
            trainer.should_stop = True

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if self.batch is not None and trainer.global_step == self.batch:
            trainer.should_stop = True


def test_every_schedule_in_one_run_shares_folders_and_ends_with_the_last_epoch(fit, folders, tmp_path):
    schedules = {
        "three": {"every_n_epochs": 3},
        "listed": {"epochs": [0, 2]},
        "log": {"log_spaced": 3},
        "default": {},
    }
    recorders = {name: RecordsEvaluations(name, **options) for name, options in schedules.items()}
    fit(*recorders.values(), max_epochs=8)
    assert {name: epochs(recorder) for name, recorder in recorders.items()} == {
        "three": [3, 6, 8],
        "listed": [0, 2, 8],
        "log": [1, 3, 8],
        "default": [8],
    }
    assert folders() == [f"epoch=000{n}" for n in (0, 1, 2, 3, 6, 8)]
    assert len(scalars_of(tmp_path, 8)) == 4, "the last folder does not have all four"
    networks = {}
    for recorder in recorders.values():
        for epoch, network in recorder._seen:
            assert networks.setdefault(epoch, network) == network, "two networks of one epoch"
    assert len({*networks.values()}) == len(networks)


@pytest.mark.parametrize(
    ("options", "stop", "end"),
    [
        ({"max_epochs": -1, "max_steps": 4}, None, 2),
        ({"max_epochs": -1, "max_steps": 5}, None, 3),  # within the third epoch
        ({"max_epochs": 9}, Stop(), 2),
        ({"max_epochs": 9}, Stop(batch=3), 2),
        ({"max_epochs": 9}, "early", 2),
        ({"max_epochs": 10**6, "max_time": timedelta(seconds=2)}, None, None),
    ],
)
@pytest.mark.parametrize("every", [1, 10**6])
def test_end_of_training_is_analysed_once_however_training_ends(fit, folders, options, stop, end, every):
    recorder = RecordsEvaluations(every_n_epochs=every)
    if stop == "early":
        stop = EarlyStopping("train/psnr", patience=1, mode="min", check_on_train_epoch_end=True)
    trainer = fit(*([stop] if stop else []), recorder, **options)
    seen = epochs(recorder)
    assert len(seen) == len({*seen}), "analysed twice"
    if end is None:
        end = math.ceil(trainer.global_step / 2)
    assert seen[-1] == end
    assert recorder._seen[-1][1] == trainer.lightning_module.network_of()
    assert seen == (list(range(1, end + 1)) if every == 1 else [end])
    assert folders() == [f"epoch={epoch:04d}" for epoch in seen]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: GroupingVariance(partitions=[]), "GroupingVariance: partitions is empty"),
        (lambda: GroupingVariance(grid=(1, 1)), "GroupingVariance: grid must have at least two cells"),
        (lambda: GroupingVariance(shifts=1), "GroupingVariance: shifts must be 0 .*, got 1"),
        (lambda: PixelsPerNeuron(layers=[]), "PixelsPerNeuron: layers is empty"),
        (
            lambda: PixelsPerNeuron(every_n_epochs=0),
            "PixelsPerNeuron: every_n_epochs must be at least 1, got 0",
        ),
        (lambda: PixelsPerNeuron(every_n_epochs=3, epochs=[1]), "PixelsPerNeuron: every_n_epochs=3, epochs="),
    ],
)
def test_invalid_options_are_rejected_at_once(build, said):
    with pytest.raises(ValueError, match=said):
        build()


@pytest.mark.parametrize(
    ("analysis", "said"),
    [
        (
            ContributionMaps(neurons=[3, -1]),
            "ContributionMaps: neuron -1 of layer 'block1': its neurons are 0 …",
        ),
        (
            ContributionMaps(neurons=[95]),
            "ContributionMaps: neuron 95 of layer '(block2|block3|head)': its",
        ),
        (
            ThingsAndStuff(neurons=[9999], layers=["head"]),
            "ThingsAndStuff: neuron 9999 of layer 'head': its neurons are 0 …",
        ),
        (
            GroupingVariance(shifts=5000),
            r"GroupingVariance: shifts must be at most \d+ for frames of \d+×\d+, got 5000",
        ),
    ],
)
def test_options_that_do_not_fit_the_network_are_rejected_before_training(fit, folders, analysis, said):
    with pytest.raises(ValueError, match=said):
        fit(analysis)
    assert folders() == []


@pytest.mark.parametrize(
    ("saving", "expected"),
    [
        (
            {"every_n_epochs": 2, "save_on_train_epoch_end": True},
            [2, 4, 6, 7],
        ),  # at the end of the training epoch
        ({"every_n_epochs": 1, "save_on_train_epoch_end": False}, [3, 6, 7]),  # at the end of validation
        ({"every_n_train_steps": 3}, [2, 3, 5, 6, 7]),  # within an epoch: the epoch's end is analysed
    ],
)
def test_at_checkpoints_analyses_the_saved_networks(fit, tmp_path, saving, expected):
    recorder = RecordsEvaluations(at_checkpoints=True)
    saver = ModelCheckpoint(tmp_path / "saved", save_top_k=-1, **saving)
    fit(saver, recorder, max_epochs=7, check_val_every_n_epoch=3)
    assert epochs(recorder) == expected
    stored = {}
    for path in (tmp_path / "saved").glob("*.ckpt"):
        checkpoint = torch.load(path, weights_only=True)
        weights = [v for k, v in checkpoint["state_dict"].items() if k.startswith("network.")]
        stored[checkpoint["trained_epochs"]] = float(sum(w.double().sum() for w in weights))
    if "every_n_train_steps" not in saving:
        assert {epoch: network for epoch, network in recorder._seen if epoch in stored} == stored


def test_at_checkpoints_analyses_the_networks_of_our_checkpoints(fit, folders):
    recorder = RecordsEvaluations(at_checkpoints=True)
    fit(recorder, Checkpoints(), max_epochs=8, check_val_every_n_epoch=3)
    assert epochs(recorder) == [3, 6, 8]
    assert folders() == [f"epoch=000{n}" for n in (3, 6, 8)]


def test_resumed_run_embeds_neurons_like_an_uninterrupted_one(fit, tmp_path):
    def analysed():
        return [NeuronClusters(every_n_epochs=2, layers=["head"], clusters=4)]

    run = tmp_path / "run"
    fit(Checkpoints(save_top_k=9), *analysed(), max_epochs=6)
    whole = dict(np.load(run / "analyses" / "epoch=0006" / "neuron_clusters" / "head.npz"))
    shutil.rmtree(run / "analyses" / "epoch=0006")
    (saved,) = (run / "checkpoints").glob("best-epoch=0004-*")
    fit(Checkpoints(), *analysed(), max_epochs=6, ckpt_path=saved)
    resumed = np.load(run / "analyses" / "epoch=0006" / "neuron_clusters" / "head.npz")
    np.testing.assert_array_equal(resumed["positions"], whole["positions"])


def test_resumed_finished_run_analyses_nothing_again(fit, tmp_path):
    fit(Checkpoints(), RecordsEvaluations(every_n_epochs=2), max_epochs=2)
    again = RecordsEvaluations(every_n_epochs=2)
    fit(Checkpoints(), again, max_epochs=2, ckpt_path=tmp_path / "run" / "checkpoints" / "last.ckpt")
    assert epochs(again) == []


def test_resumed_run_catches_up_on_missing_analyses_and_repeats_none(fit, folders, tmp_path):
    saver = {"dirpath": tmp_path / "saved", "save_top_k": -1, "filename": "{epoch}"}
    whole = RecordsEvaluations(every_n_epochs=1)
    fit(ModelCheckpoint(**saver), whole, max_epochs=4)
    written = {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("scalars.json")}
    killed = sorted(written)[2]  # the third epoch's analysis was still missing
    killed.unlink()
    killed.parent.rename(tmp_path / "gone")
    resumed = RecordsEvaluations(every_n_epochs=1)
    fit(ModelCheckpoint(**saver), resumed, max_epochs=4, ckpt_path=tmp_path / "saved" / "epoch=3.ckpt")
    assert resumed._seen == whole._seen[2:]
    assert folders() == [f"epoch=000{n}" for n in (1, 2, 3, 4)]

    before = killed.stat().st_mtime_ns
    again = RecordsEvaluations(every_n_epochs=1)
    fit(ModelCheckpoint(**saver), again, max_epochs=4, ckpt_path=tmp_path / "saved" / "epoch=3.ckpt")
    assert killed.stat().st_mtime_ns == before, "results that were there are written again"


def test_fast_dev_run_and_sanity_check_run_no_analyses(fit, folders):
    recorder = RecordsEvaluations(every_n_epochs=1, epochs=None)
    fit(recorder, fast_dev_run=True)
    assert (epochs(recorder), folders()) == ([], [])


def test_failed_analysis_is_reported_once_and_others_continue(fit, tmp_path, recwarn):
    good, other = (
        RecordsEvaluations("good", every_n_epochs=1),
        PixelsPerNeuron(every_n_epochs=1, layers=["head"]),
    )
    fit(Fails("bad", every_n_epochs=1), FailsEarly("early", every_n_epochs=1), good, other, max_epochs=3)
    said = [str(w.message) for w in recwarn if "failed" in str(w.message)]
    assert said == [
        "FailsEarly failed at epoch 1: RuntimeError: no partition. Skipped. The traceback is in settings.json; "
        "set strict: true to stop instead.",
        "Fails failed at epoch 1: KeyError: 'no such\\nthing'. Skipped. The traceback is in settings.json; "
        "set strict: true to stop instead.",
    ]
    assert epochs(good) == [1, 2, 3]
    for epoch in (1, 2, 3):
        folder = tmp_path / "run" / "analyses" / f"epoch=000{epoch}"
        assert scalars_of(tmp_path, epoch)["xinc/good/epoch"] == epoch
        assert {p.name for p in folder.iterdir()} == {
            *("scalars.json", "settings.json", "seconds.json", "neurons.csv", "weights.safetensors"),
            *("pixels_per_neuron.png", "pixels_per_neuron"),
        }
        assert not [name for name in scalars_of(tmp_path, epoch) if "bad" in name]
        settings = json.loads((folder / "settings.json").read_text())
        assert set(settings["errors"]) == {"Fails", "FailsEarly"}
        assert 'raise KeyError("no such' in settings["errors"]["Fails"]


class FailsToRender(RecordsEvaluations):
    """Adds a figure that cannot be rendered, later and in another process."""

    def analyse(self, context, sink):
        super().analyse(context, sink)
        figure = Figure()
        figure.add_artist(Text()).draw = None  # calling it fails
        sink.figure("never", figure)


@pytest.mark.drawn
def test_failed_rendering_is_reported_once_and_others_continue(fit, tmp_path, recwarn):
    fit(FailsToRender(every_n_epochs=1), curves := PixelsPerNeuron(every_n_epochs=1), max_epochs=2)
    said = [str(w.message) for w in recwarn if "failed" in str(w.message)]
    assert len(said) == 1
    assert said[0].startswith("FailsToRender failed at epoch 1: TypeError")
    for epoch in (1, 2):
        folder = tmp_path / "run" / "analyses" / f"epoch=000{epoch}"
        assert [p.name for p in folder.glob("*.png")] == ["pixels_per_neuron.png"]
        assert "xinc/evaluations/epoch" not in scalars_of(tmp_path, epoch)
    assert curves._runner._renderer is None


@pytest.mark.drawn
def test_render_process_exits_with_the_training(fit, tmp_path):
    class Watched(PixelsPerNeuron):
        process = None

        def teardown(self, trainer, module, stage):
            self.process = self._runner._renderer._process
            super().teardown(trainer, module, stage)

    recorder = Watched(every_n_epochs=1)
    fit(recorder, max_epochs=2)
    assert recorder.process.returncode == 0
    assert (tmp_path / "run" / "analyses" / "epoch=0002" / "pixels_per_neuron.png").exists()


def test_settings_and_state_key_hold_the_options_only(fit, tmp_path):
    recorder = RecordsEvaluations(every_n_epochs=1)
    fit(recorder, max_epochs=1)
    settings = json.loads((tmp_path / "run" / "analyses" / "epoch=0001" / "settings.json").read_text())
    assert settings["analyses"]["RecordsEvaluations"] == {
        **{"name": "evaluations", "every_n_epochs": 1, "strict": False},
        **{"epochs": None, "log_spaced": None, "at_checkpoints": False},
    }
    assert recorder.state_key == RecordsEvaluations(every_n_epochs=1).state_key


def test_a_key_is_cheap_since_lightning_asks_for_it_at_every_hook(monkeypatch):
    key = ContributionMaps(neurons=3).state_key
    monkeypatch.setattr("xinc_lightning.callbacks.base.analysis.signature", None)
    callback = ContributionMaps(neurons=3)
    assert callback.state_key == key
    callback.neurons = 4
    assert callback.state_key == ContributionMaps(neurons=4).state_key != key


class Caches(RecordsEvaluations):
    """Stores its results in a public attribute that is no option."""

    def __init__(self, name="caches", depth=1, **options):
        super().__init__(name, **options)
        self.depth = depth
        self.cache = {}

    def analyse(self, context, sink):
        super().analyse(context, sink)
        self.cache[context.epoch] = torch.zeros(2)
        sink.arrays("cached", epochs=np.array(list(self.cache)))

    def state_dict(self):
        return {"cache": self.cache}

    def load_state_dict(self, state_dict):
        self.cache = dict(state_dict["cache"])


def test_attributes_of_an_analysis_are_no_options_and_are_restored(fit, folders, tmp_path):
    checkpoints = tmp_path / "run" / "checkpoints"
    fit(Caches(every_n_epochs=1), Caches("b", 2, every_n_epochs=1), Checkpoints(), max_epochs=2)
    resumed = Caches(every_n_epochs=1), Caches("b", 2, every_n_epochs=1)
    fit(*resumed, Checkpoints(), max_epochs=3, ckpt_path=checkpoints / "last.ckpt")
    assert [list(one.cache) for one in resumed] == [[1, 2, 3], [1, 2, 3]]
    assert [epochs(one) for one in resumed] == [[3], [3]], "an analysed epoch is analysed again"
    files = {p.name for p in (tmp_path / "run" / "analyses" / "epoch=0003").glob("*.npz")}
    assert files == {"cached.npz", "cached-name=b,depth=2.npz"}
    settings = json.loads((tmp_path / "run" / "analyses" / "epoch=0003" / "settings.json").read_text())
    assert "cache" not in settings["analyses"]["Caches"]
    assert settings["analyses"]["Caches"]["depth"] == 1


@pytest.mark.parametrize("kind", [Fails, FailsEarly, FailsToRender])
@pytest.mark.drawn
def test_strict_stops_with_one_line_after_other_results_are_saved(fit, folders, tmp_path, kind):
    good, other = (
        RecordsEvaluations("good", every_n_epochs=1),
        PixelsPerNeuron(every_n_epochs=2, layers=["head"]),
    )
    with pytest.raises(AnalysisError, match=rf"^{kind.__name__} failed at epoch 2: \w+Error: .*\.$") as stop:
        fit(good, kind("bad", every_n_epochs=2, strict=True), other)
    assert "\n" not in str(stop.value)
    assert epochs(good) == [1, 2]
    assert folders() == ["epoch=0001", "epoch=0002"]
    scalars = scalars_of(tmp_path, 2)
    assert scalars["xinc/good/epoch"] == 2
    assert "pixels_per_neuron/head/median_share" in scalars
    assert not [name for name in scalars if "bad" in name]
    folder = tmp_path / "run" / "analyses" / "epoch=0002"
    assert (folder / "pixels_per_neuron.png").is_file()
    settings = json.loads((folder / "settings.json").read_text())
    assert set(settings["errors"]) == {kind.__name__}
    assert settings["errors"][kind.__name__].startswith("Traceback")
    assert settings["stopped"] == str(stop.value)


def test_all_strict_failures_are_recorded_and_the_first_is_raised(fit, tmp_path):
    with pytest.raises(AnalysisError, match=r"^FailsEarly failed at epoch 1"):
        fit(Fails(every_n_epochs=1, strict=True), FailsEarly(every_n_epochs=1, strict=True))
    settings = json.loads((tmp_path / "run" / "analyses" / "epoch=0001" / "settings.json").read_text())
    assert set(settings["errors"]) == {"Fails", "FailsEarly"}


def test_strict_failure_stops_even_if_nothing_can_be_saved(fit, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "analyses").write_text("a file where the folder should be")
    with (
        pytest.warns(UserWarning, match="could not be saved"),
        pytest.raises(AnalysisError, match=r"^Fails failed at epoch 1: KeyError"),
    ):
        fit(Fails(every_n_epochs=1, strict=True))


def test_strict_failure_at_the_end_still_logs_the_others(fit):
    logged = {}

    class Log(DummyLogger):
        def log_metrics(self, metrics, step=None):
            logged.update(metrics)

    with pytest.raises(AnalysisError):
        fit(RecordsEvaluations("good"), Fails("bad", strict=True), logger=Log())
    assert logged["xinc/good/epoch"] == 4


def test_run_resumed_after_a_strict_failure_repeats_the_analyses_and_logs_once(fit, tmp_path):
    logged = []

    class Log(DummyLogger):
        def log_metrics(self, metrics, step=None):
            logged.extend((name, value) for name, value in metrics.items() if name == "xinc/good/epoch")

    saver = {"dirpath": tmp_path / "saved", "save_top_k": -1, "filename": "{epoch}"}
    good = {"name": "good", "every_n_epochs": 1}
    with pytest.raises(AnalysisError):
        fit(
            ModelCheckpoint(**saver),
            RecordsEvaluations(**good),
            Fails("bad", epochs=[2], strict=True),
            logger=Log(),
        )
    assert logged == [("xinc/good/epoch", 1)]
    settings = tmp_path / "run" / "analyses" / "epoch=0002" / "settings.json"
    assert "stopped" in json.loads(settings.read_text())

    class Fixed(RecordsEvaluations):
        """Does not fail."""

    fixed = Fixed("bad", epochs=[2], strict=True)
    saved = tmp_path / "saved" / "epoch=2.ckpt"
    fit(ModelCheckpoint(**saver), RecordsEvaluations(**good), fixed, logger=Log(), ckpt_path=saved)
    assert logged == [("xinc/good/epoch", epoch) for epoch in (1, 2, 3, 4)]
    assert scalars_of(tmp_path, 2) == {"xinc/good/epoch": 2, "xinc/bad/epoch": 2}
    assert not {"stopped", "errors"} & json.loads(settings.read_text()).keys()


def test_unwritable_results_do_not_stop_the_run_and_are_counted(fit, tmp_path, recwarn, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "analyses").write_text("a file where the folder should be")
    recorder = RecordsEvaluations(every_n_epochs=1)
    assert fit(recorder).global_step == 8
    said = [str(w.message) for w in recwarn if "could not be saved" in str(w.message)]
    assert len(said) == 1
    assert "the results of epoch 1 could not be saved" in said[0]
    assert capsys.readouterr().err == "xinc: results are missing: everything of epochs 1, 2, 3, 4.\n"
    with pytest.raises(AnalysisError, match="could not be saved"):
        fit(RecordsEvaluations(every_n_epochs=1, strict=True))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            ContributionMaps(layers=["hed"]),
            "ContributionMaps: there is no layer 'hed'; there are block1, block2, block3, head; did you mean 'head'?",
        ),
        (
            GroupingVariance(frame=7),
            "GroupingVariance: frame=7 is outside the clip 'toy', whose frames have the positions 0 … 3; the "
            "nearest is 3.",
        ),
        (NeuronClusters(frame=-1), "NeuronClusters: frame=-1 is outside the clip 'toy', whose frames have the "
            "positions 0 … 3; the nearest is 0."),
        (FlowVsFluctuation(steps=[1, 4]), "FlowVsFluctuation: steps=4 is outside the clip 'toy', whose frames have "
            "the positions 0 … 3; the nearest is 3."),
        (ThingsAndStuff(layers=["block9"]), "ThingsAndStuff: there is no layer 'block9'; there are block1, block2, "
            "block3, head; did you mean 'block3'?"),
    ],
)  # fmt: skip
def test_layers_and_frames_that_do_not_exist_are_rejected_before_training(fit, wrong, message, folders):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (the whole sentence is compared)
        fit(wrong)
    assert str(refused.value) == message
    assert folders() == []


def test_log_spaced_needs_max_epochs(fit):
    with pytest.raises(ValueError, match=r"RecordsEvaluations: log_spaced=5 needs trainer.max_epochs"):
        fit(RecordsEvaluations(log_spaced=5), max_epochs=-1, max_steps=3)


def test_analyses_with_equal_options_are_rejected(fit):
    with pytest.raises(ValueError, match="two PixelsPerNeuron have the same options"):
        fit(PixelsPerNeuron(), PixelsPerNeuron(strict=True))


def test_incomplete_folders_of_a_killed_run_are_repaired(fit, folders, tmp_path):
    analyses = tmp_path / "run" / "analyses"
    (analyses / ".epoch=0001.unfinished").mkdir(parents=True)
    (analyses / ".epoch=0002.old").mkdir()
    fit(RecordsEvaluations(epochs=[3]))
    assert folders() == ["epoch=0002", "epoch=0003", "epoch=0004"]


def test_callback_object_can_be_reused(fit):
    recorder = RecordsEvaluations(every_n_epochs=4)
    for _ in range(2):
        fit(recorder)
    assert epochs(recorder) == [4, 4]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (ContributionMaps, {"neurons": -1}),
        (ContributionMaps, {"neurons": []}),
        (GroupingVariance, {"grid": (0, 4)}),
        (GroupingVariance, {"max_null_neurons": 0}),
        (NeuronClusters, {"clusters": 0}),
        (NeuronClusters, {"max_neurons": 0}),
        (FlowVsFluctuation, {"max_neurons": 0}),
        (ThingsAndStuff, {"frames": 0}),
        (ThingsAndStuff, {"neurons": 0}),
        (Report, {"bits": 0}),
        (Report, {"bits": 13}),
    ],
)
def test_invalid_options_are_rejected_with_class_and_name(kind, options):
    with pytest.raises(UserError, match=f"^{kind.__name__}: {next(iter(options))}[= ][^\n]*$"):
        kind(**options)


def test_grid_finer_than_the_pixels_is_rejected_before_training(fit, folders):
    with pytest.raises(
        ValueError, match=r"^GroupingVariance: grid=500×8 has more rows or columns.* the nearest is \d+×8\.$"
    ):
        fit(GroupingVariance(grid=(500, 8)))
    assert folders() == []
