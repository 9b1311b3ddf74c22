"""HNeRV in training and after it: the encoder trains, and only its embeddings stay."""

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from safetensors.torch import load

from xinc_lightning.callbacks.base.context import AnalysisContext
from xinc_lightning.callbacks.base.provenance import weights_of
from xinc_lightning.data import ClipDataModule
from xinc_lightning.errors import UserError
from xinc_lightning.modules import HNeRVModule
from xinc_lightning.modules.clip_file import decode_clip, encode_clip, facts_of
from xinc_lightning.modules.loading import load_module
from xinc_lightning.runs.checkpoint_file import CheckpointFile, read_checkpoint
from xinc_lightning.server.networks import load_network


class Watch(Callback):
    """The network as it is after each epoch, and what the encoder would make of the clip then."""

    def __init__(self):
        self.stored, self.made = [], []

    def on_train_start(self, trainer, module):
        self.stored, self.made = [], []

    @torch.no_grad()
    def on_validation_start(self, trainer, module):
        self.stored.append(module.network.embeddings.clone())
        self.made.append(module.encoder(trainer.datamodule.clip.frames))


class Draws(Callback):
    def setup(self, trainer, module, stage):
        torch.rand(7)


def fit(tiny_clip, tmp_path, watch):
    seed_everything(0, verbose=False)
    data = ClipDataModule(str(tiny_clip), frames="all", resize=(16, 32))
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=3,
        default_root_dir=tmp_path,
        logger=False,
        callbacks=[watch],
        plugins=[CheckpointFile()],
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = HNeRVModule(target_parameters=30_000, learning_rate=3e-3, clip_shape=[6, 16, 32])
    trainer.fit(module, datamodule=data)
    return module, trainer, watch


@pytest.fixture
def trained(tiny_clip, tmp_path):
    return fit(tiny_clip, tmp_path, Watch())


def test_the_encoder_starts_alike_whatever_is_drawn_before_training(trained, tiny_clip, tmp_path):
    again, *_ = fit(tiny_clip, tmp_path, Draws())
    for (name, one), other in zip(trained[0].state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_embeddings_count_and_the_encoder_does_not():
    module = HNeRVModule(target_parameters=30_000, clip_shape=[6, 16, 32])
    names = {name for name, _ in module.network.named_parameters()}
    assert "embeddings" in names
    assert not any("encoder" in name for name in names)
    assert module.budget.parameters == sum(p.numel() for p in module.network.parameters()) <= 30_000
    assert HNeRVModule(target_parameters=30_000, clip_shape=[60, 16, 32]).budget.parameters <= 30_000
    wider, narrower = (
        HNeRVModule(target_parameters=30_000, clip_shape=[n, 16, 32]).network.stem.out_channels
        for n in (1, 60)
    )
    assert wider > narrower


def test_after_every_epoch_the_network_has_what_the_encoder_makes(trained):
    _module, _trainer, watch = trained
    assert len(watch.stored) == 3
    for stored, made in zip(watch.stored, watch.made, strict=True):
        torch.testing.assert_close(stored, made, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(watch.stored[0], watch.stored[2])


@torch.no_grad()
def test_frames_from_embeddings_are_those_of_training(trained):
    module, trainer, _ = trained
    frames = trainer.datamodule.clip.frames
    positions = torch.arange(6)
    in_training = module.render_in_training(positions, frames)
    torch.testing.assert_close(module.render(positions), in_training, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(module.reconstruct([4])[0], in_training[4], rtol=1e-5, atol=1e-6)
    network, embedding = module.canvas_inputs(4)
    torch.testing.assert_close(network(embedding)[0], in_training[4], rtol=1e-5, atol=1e-6)


def test_encoder_and_decoder_are_trained_and_embeddings_are_not(trained):
    module, trainer, _ = trained
    state = trainer.optimizers[0].state
    trained_by_adam = {id(parameter) for parameter in state}
    assert trained_by_adam == {id(p) for p in module.parameters()} - {id(module.network.embeddings)}
    assert all(float(s["exp_avg_sq"].abs().max()) > 0 for s in state.values())


def test_only_checkpoints_hold_the_encoder(trained, tmp_path):
    module, trainer, _ = trained
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    checkpoint = read_checkpoint(tmp_path / "last.ckpt")["state_dict"]
    assert any(name.startswith("encoder.") for name in checkpoint)
    kept = weights_of(AnalysisContext(module, trainer.datamodule.clip, 3, []))
    names = set(load(kept))
    assert names == {name for name in checkpoint if name.startswith("network.")}

    expected = module.reconstruct()
    for again in (load_module(tmp_path / "last.ckpt"), load_network(kept).module):
        assert again.encoder is None
        assert torch.equal(again.reconstruct(), expected)
    (tmp_path / "weights.safetensors").write_bytes(kept)
    assert torch.equal(load_module(tmp_path / "weights.safetensors").reconstruct(), expected)


def test_a_file_holds_the_embeddings_and_its_decoder_needs_no_encoder(trained):
    module, trainer, _ = trained
    content, predicted = encode_clip(module.eval(), facts_of(trainer.datamodule.clip))
    decoded = decode_clip(content).module
    assert torch.equal(decoded.reconstruct(), predicted)
    assert decoded.encoder is None
    error = (decoded.network.embeddings - module.network.embeddings).abs().max()
    assert 0 < float(error) <= float(module.network.embeddings.abs().max()) / 127
    assert len(content) < module.budget.parameters * 1.3


def test_solved_strides_are_remembered():
    module = HNeRVModule(target_parameters=30_000, clip_shape=[2, 16, 32])
    assert module.hparams["strides"] == [2, 2, 2]
    again = HNeRVModule(**module.arguments(module.hparams))
    assert again.network.strides == [2, 2, 2]


def test_every_layer_can_be_pruned():
    module = HNeRVModule(target_parameters=30_000, clip_shape=[2, 16, 32])
    layers = module.layer_weights()
    assert [layer.name for layer in layers] == ["stem", "block1", "block2", "block3", "head"]
    assert all(layer.prunable for layer in layers)


@pytest.mark.parametrize("name", ["embedding", "encoder_channels"])
def test_no_channels_are_refused(name):
    with pytest.raises(UserError, match=f"{name} must be 1 channel or more, got 0"):
        HNeRVModule(target_parameters=30_000, **{name: 0})


def test_a_size_without_strides_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="resolution 130×250; the nearest size with such strides is 125×250"):
        HNeRVModule(target_bpp=10, clip_shape=[2, 130, 250])
    assert HNeRVModule(target_bpp=100, strides=[5, 2], clip_shape=[2, 130, 250]).network.embeddings.shape[
        2:
    ] == (13, 25)


def test_what_lacks_the_encoder_is_no_checkpoint_to_train_on(trained):
    module, _trainer, _ = trained
    state = module.to_render(module.state_dict())
    with pytest.raises(RuntimeError, match="encoder"):
        module.load_state_dict(state)
