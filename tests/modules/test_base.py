"""Training: the recipe, resuming, and that nothing that watches a run changes it."""

import copy
import inspect

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer, seed_everything

from xinc_lightning import callbacks as package
from xinc_lightning.callbacks import AnalysisCallback, Reconstructions
from xinc_lightning.data import ClipDataModule, DataError, PanopticClip
from xinc_lightning.modules import FFNModule, HNeRVModule, NeRVModule, SIRENModule
from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.schedule import warmup_cosine
from xinc_lightning.networks import FFN
from xinc_lightning.runs.checkpoint_file import CheckpointFile

PARAMETERS = {NeRVModule: 12_000, HNeRVModule: 30_000}


def train(
    module_class,
    folder,
    root,
    epochs=3,
    frames="all",
    callbacks=(),
    seed=7,
    ckpt_path=None,
    masks=None,
    validate=False,
    **options,
):
    """Train a tiny network; returns its module and trainer."""
    seed_everything(seed, verbose=False)
    data = ClipDataModule(
        str(folder),
        frames=frames,
        resize=(16, 32),
        masks=masks and str(masks),
        batch_size=2 if module_class.one_network else None,
    )
    trainer = Trainer(
        default_root_dir=root,
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        plugins=[CheckpointFile()],
        num_sanity_val_steps=0,
        limit_val_batches=None if validate else 0,
    )
    options = options or {"target_parameters": PARAMETERS.get(module_class, 400)}
    module = module_class(**options)
    trainer.fit(module, datamodule=data, ckpt_path=ckpt_path)
    return module, trainer


def assert_same(a, b):
    for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(x, y), name


@pytest.mark.parametrize(
    "module_class",
    [NeRVModule, FFNModule, SIRENModule, pytest.param(HNeRVModule, marks=pytest.mark.slow)],
)
def test_all_analyses_leave_training_bit_identical(module_class, masked_clip, undrawn, tmp_path):
    """Weights, optimiser state, metrics and the random numbers that follow."""
    pictures, masks = masked_clip
    watch = [
        analysis(every_n_epochs=1)
        for name in package.__all__
        if isinstance(analysis := getattr(package, name), type)
        and issubclass(analysis, AnalysisCallback)
        and not inspect.isabstract(analysis)
    ]
    assert len(watch) >= 9
    runs = {}
    for name, callbacks in (("plain", []), ("watched", watch)):
        module, trainer = train(
            module_class, pictures, tmp_path / name, masks=masks, validate=True, callbacks=callbacks
        )
        runs[name] = (module, trainer.optimizers[0].state_dict(), trainer.callback_metrics, torch.rand(3))
    made = {path.stem for path in (tmp_path / "watched" / "analyses" / "epoch=0002").rglob("*.png")}
    assert made >= {"reconstructions", "variance", "intensity", "pixels_per_neuron", "things_and_stuff"}
    (plain, optimizer, metrics, drawn), (watched, optimizer_watched, metrics_watched, drawn_watched) = (
        runs.values()
    )
    assert_same(plain, watched)
    for i, state in optimizer["state"].items():
        for key, value in state.items():
            assert torch.equal(value, optimizer_watched["state"][i][key]), key
    assert optimizer["param_groups"] == optimizer_watched["param_groups"]
    assert {"train/psnr", "val/psnr"} <= metrics.keys()
    assert metrics == metrics_watched
    assert torch.equal(drawn, drawn_watched)


@pytest.mark.parametrize("module_class", [NeRVModule, FFNModule, SIRENModule, HNeRVModule])
def test_same_seed_same_weights(module_class, tiny_clip, tmp_path):
    assert_same(*(train(module_class, tiny_clip, tmp_path / d)[0] for d in "ab"))


@pytest.mark.parametrize("module_class", [NeRVModule, FFNModule, SIRENModule, HNeRVModule])
def test_resuming_is_bit_exact(module_class, tiny_clip, tmp_path):
    class StopAfterTwo(Reconstructions):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                trainer.save_checkpoint(tmp_path / "two.ckpt", weights_only=False)
                trainer.should_stop = True

    whole, _ = train(module_class, tiny_clip, tmp_path / "a", epochs=4)
    _, trainer = train(module_class, tiny_clip, tmp_path / "b", epochs=4, callbacks=[StopAfterTwo()])
    assert trainer.current_epoch == 2
    resumed, _ = train(
        module_class, tiny_clip, tmp_path / "c", epochs=4, ckpt_path=tmp_path / "two.ckpt", seed=99
    )
    assert_same(whole, resumed)


@pytest.mark.parametrize("module_class", [FFNModule, SIRENModule])
def test_a_stack_trains_as_separate_runs_do(module_class, tiny_clip, tmp_path):
    frames = [0, 3, 5]
    together, _ = train(module_class, tiny_clip, tmp_path, epochs=20, frames=frames)
    for i, frame in enumerate(frames):
        alone, _ = train(module_class, tiny_clip, tmp_path, epochs=20, frames=[frame])
        a, b = together.network.frame(i), alone.network.frame(0)
        for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
            torch.testing.assert_close(x, y, atol=2e-5, rtol=1e-4, msg=name)
        torch.testing.assert_close(together.reconstruct([i]), alone.reconstruct([0]), atol=1e-4, rtol=1e-4)


def test_training_learns(tiny_clip, tmp_path):
    _, trainer = train(NeRVModule, tiny_clip, tmp_path, epochs=1)
    first = trainer.callback_metrics["train/psnr"]
    options = {"target_parameters": 12_000, "learning_rate": 5e-3}
    _, trainer = train(NeRVModule, tiny_clip, tmp_path, epochs=60, **options)
    assert trainer.callback_metrics["train/psnr"] > first + 5


@pytest.mark.parametrize("targets", [{}, {"target_bpp": 1.0, "target_parameters": 5}])
def test_exactly_one_target(targets):
    with pytest.raises(ValueError, match="give exactly one"):
        NeRVModule(**targets)


@pytest.mark.parametrize(
    "options", [{"learning_rate": -1.0}, {"learning_rate": float("nan")}, {"warmup": 1.0}]
)
def test_invalid_schedules_are_rejected(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must be "):
        NeRVModule(target_bpp=1.0, **options)


def test_same_bpp_target_gives_the_papers_networks():
    nerv = NeRVModule(target_bpp=32.55, clip_shape=[30, 128, 256])
    ffn = FFNModule(target_bpp=32.55, clip_shape=[2, 128, 256])
    siren = SIRENModule(target_bpp=32.55, clip_shape=[2, 128, 256])
    hnerv = HNeRVModule(target_bpp=32.55, clip_shape=[30, 128, 256])
    assert nerv.budget.parameters == 978_557
    assert ffn.budget.parameters == 2 * 32_971
    assert hnerv.budget.parameters == 997_378
    assert siren.budget.parameters == 2 * (3 * 103**2 + 9 * 103 + 3)  # the widest: one unit more is too much
    assert (round(nerv.budget.bpp, 2), round(ffn.budget.bpp, 2)) == (31.85, 32.20)


@pytest.mark.parametrize("shape", [[7, 48, 80], [100, 64, 64], [3, 240, 320]])
@pytest.mark.parametrize("module_class", [NeRVModule, FFNModule, SIRENModule])
def test_budget_is_met_at_any_size(module_class, shape):
    module = module_class(target_bpp=20.0, clip_shape=shape)
    assert 14 < module.budget.bpp <= 20.0


def test_network_of_another_clip_is_rejected():
    module = NeRVModule(target_parameters=12_000, clip_shape=[4, 16, 32])
    with pytest.raises(
        ValueError, match="built for 4 frames of 16×32 pixels, the data has 5 frames of 16×32"
    ):
        module.size_for(5, 16, 32)


def test_learning_rate_follows_the_papers_schedule(tiny_clip, tmp_path):
    rates = []

    class Watch(Reconstructions):
        def on_train_batch_start(self, trainer, *_):
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    train(NeRVModule, tiny_clip, tmp_path, epochs=10, callbacks=[Watch(every_n_epochs=99)])
    assert len(rates) == 30
    expected = [1e-3 * warmup_cosine(step / 30, 0.1) for step in range(30)]
    assert rates == pytest.approx(expected)
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == pytest.approx(1e-3)


def test_rendering_needs_no_trainer():
    module = FFNModule(target_parameters=400, clip_shape=[2, 4, 6])
    copied = copy.deepcopy(module)
    assert module.reconstruct().shape == (2, 3, 4, 6)
    assert torch.equal(module.reconstruct([1]), copied.reconstruct()[1:])


class Own(INRModule):
    """What a user's module comes down to: options, and how the network is built from them."""

    def __init__(self, target_parameters=None, target_bpp=None, depth=2, clip_shape=None):
        super().__init__(target_bpp, target_parameters, "l2", 1e-3, None, clip_shape)

    def build(self, frames, height, width):
        return FFN(width=frames + height + width, depth=self.hparams["depth"])

    def render(self, positions):
        raise NotImplementedError

    def canvas_inputs(self, position):
        raise NotImplementedError


def test_a_module_is_built_by_its_base_class_and_rebuilt_from_its_checkpoint(tmp_path, save_checkpoint):
    module = Own(400, depth=4, clip_shape=[1, 2, 3])
    assert (len(module.network.layers), module.network.layers[0].out_features) == (4, 6)
    save_checkpoint(module, PanopticClip("one", torch.rand(1, 3, 2, 3)), tmp_path / "own.ckpt")
    assert_same(module, Own.load_from_checkpoint(tmp_path / "own.ckpt"))


def test_data_without_a_clip_is_rejected(tmp_path):
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, default_root_dir=tmp_path)
    with pytest.raises(DataError, match=r"datamodule is LightningDataModule; .*ClipDataModule"):
        trainer.fit(FFNModule(target_parameters=400), datamodule=LightningDataModule())
