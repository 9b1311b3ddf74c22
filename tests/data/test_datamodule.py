import subprocess
import sys

import lightning.pytorch as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jsonargparse import ArgumentParser

from xinc_lightning.data import ClipDataModule, ClipLoader, DataError


class Recorder(pl.LightningModule):
    """Remembers which frames every step saw."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def training_step(self, batch, _):
        indices, frames = batch
        self.seen.append(indices.tolist())
        return (frames.mean() * self.weight).square()

    def validation_step(self, batch, _):
        pass

    def predict_step(self, batch, _):
        return batch[0]

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(tmp_path, **options):
    return pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        **options,
    )


def module(folder, **options):
    return ClipDataModule(str(folder), **{"frames": "all", "resize": (8, 16)} | options)


def test_a_batch_that_the_processes_cannot_share_is_one_sentence():
    with pytest.raises(DataError, match=r"data\.batch_size is 3, which 2 processes cannot share equally"):
        ClipLoader(torch.zeros(6, 3, 1, 1), 3, rank=0, world_size=2)


@given(
    frames=st.integers(1, 9),
    share=st.none() | st.integers(1, 5),
    world=st.integers(1, 4),
    epoch=st.integers(0, 3),
)
def test_every_frame_once_an_epoch(frames, share, world, epoch):
    batch = share and share * world
    alone = ClipLoader(torch.zeros(frames, 3, 1, 1), batch, shuffle=True, seed=3)
    alone.set_epoch(epoch)
    steps = [set(indices.tolist()) for indices, _ in alone]
    shared = [set() for _ in steps]
    clip = torch.arange(frames * 3.0).reshape(frames, 3, 1, 1)
    seen, lengths = [], []
    for rank in range(world):
        loader = ClipLoader(clip, batch, shuffle=True, seed=3, rank=rank, world_size=world)
        loader.set_epoch(epoch)
        batches = list(loader)
        lengths.append(len(batches))
        assert len(batches) == len(loader)
        for step, (indices, pictures) in zip(shared, batches, strict=True):
            assert len(indices) <= (share or frames)
            step |= set(indices.tolist())
            torch.testing.assert_close(pictures, clip[indices])
            seen += indices.tolist()
    assert shared == steps  # of one process
    assert set(seen) == set(range(frames))
    if batch is None:  # networks with weights for every frame need them all
        assert len(seen) == frames * world
    else:
        assert len(seen) - frames < world  # only to fill the last batch
    assert len(set(lengths)) == 1


def test_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch, global_seed):
        torch.manual_seed(global_seed)
        loader = ClipLoader(torch.zeros(30, 3, 1, 1), 2, shuffle=True, seed=seed)
        loader.set_epoch(epoch)
        return [i for indices, _ in loader for i in indices.tolist()]

    assert order(0, 0, 1) == order(0, 0, 2)
    orders = {tuple(order(seed, epoch, 0)) for seed in range(5) for epoch in range(20)}
    assert len(orders) == 100
    # No frame is favoured at any place: each comes first in about 1 of 30 epochs.
    firsts = torch.bincount(torch.tensor([order(0, epoch, 0)[0] for epoch in range(600)]), minlength=30)
    assert firsts.min() > 5
    assert firsts.max() < 45


def test_reading_an_epoch_leaves_the_global_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(ClipLoader(torch.zeros(5, 3, 1, 1), 2, shuffle=True))
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_resumed_run_has_the_same_order_of_frames(tmp_path, frames_folder):
    whole = Recorder()
    trainer(tmp_path, max_epochs=4).fit(whole, module(frames_folder))
    half = Recorder()
    first = trainer(tmp_path, max_epochs=2)
    first.fit(half, module(frames_folder))
    first.save_checkpoint(tmp_path / "half.ckpt")
    rest = Recorder()
    trainer(tmp_path, max_epochs=4).fit(
        rest, module(frames_folder), ckpt_path=tmp_path / "half.ckpt", weights_only=True
    )
    assert half.seen + rest.seen == whole.seen
    assert whole.seen[:3] != whole.seen[3:6]


def test_all_frames_at_every_step_in_order(tmp_path, frames_folder):
    model = Recorder()
    trainer(tmp_path, max_epochs=2).fit(model, module(frames_folder, batch_size=None, frames=[0, 3, 5]))
    assert model.seen == [[0, 1, 2]] * 2


def test_evaluation_is_in_order(tmp_path, frames_folder):
    batches = trainer(tmp_path).predict(Recorder(), module(frames_folder, batch_size=4))
    assert [batch.tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5]]


def test_frames_are_on_the_training_device_once(frames_folder, tmp_path):
    data = module(frames_folder)
    trainer(tmp_path, max_epochs=1).fit(Recorder(), data)
    (_, frames), *_ = data.val_dataloader()
    assert frames.device == data.trainer.strategy.root_device
    assert data.train_dataloader().frames.data_ptr() == data.clip.frames.data_ptr()


def test_hyperparameters_are_plain(tmp_path, frames_folder):
    data = module(frames_folder, clip_id=None, crop=[10, 20])
    run = trainer(tmp_path, max_epochs=1)
    run.fit(Recorder(), data)
    run.save_checkpoint(tmp_path / "a.ckpt")
    saved = torch.load(tmp_path / "a.ckpt", weights_only=True)["datamodule_hyper_parameters"]
    assert saved["path"] == str(frames_folder)
    assert saved["crop"] == [10, 20]


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--data.frames", "[0, 5, 10]"], "frames", [0, 5, 10]),
        (["--data.frames", "0:30"], "frames", "0:30"),
        (["--data.frames=::2"], "frames", "::2"),
        (["--data.frames", "all"], "frames", "all"),
        (["--data.crop", "[640, 1280]"], "crop", [640, 1280]),
        (["--data.crop", "null"], "crop", None),
        (["--data.resize", "[64, 128]"], "resize", (64, 128)),
        (["--data.resize", "null"], "resize", None),
        (["--data.batch_size", "null"], "batch_size", None),
        (["--data.clip_id", "0005"], "clip_id", "0005"),
        (["--data.path", "a folder/with spaces"], "path", "a folder/with spaces"),
    ],
)
def test_command_line(arguments, name, value):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(ClipDataModule, "data")
    assert parser.parse_args(arguments).data[name] == value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0; it must be 1 or more, or null"),
        ({"resize": (0, 4)}, r"resize is \[0, 4\]"),
    ],
)
def test_invalid_options(options, message):
    with pytest.raises(DataError, match=message):
        ClipDataModule(**options)


def test_a_dataset_clip(cityscapes):
    data = module(cityscapes.root, clip_id="0005", annotated_only=True)
    assert len(data.clip) == 6
    assert len(data.train_dataloader()) == 3


def test_two_processes_share_an_epoch(tmp_path, frames_folder):
    script = tmp_path / "ddp.py"
    script.write_text(
        "import sys, torch, lightning.pytorch as pl\n"
        "from xinc_lightning.data import ClipDataModule\n"
        "class M(pl.LightningModule):\n"
        "    def __init__(self):\n"
        "        super().__init__(); self.w = torch.nn.Parameter(torch.zeros(())); self.seen = []\n"
        "    def training_step(self, batch, i):\n"
        "        self.seen += batch[0].tolist(); return (batch[1].mean() * self.w).square()\n"
        "    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), 0.1)\n"
        "m = M()\n"
        "t = pl.Trainer(accelerator='cpu', devices=2, strategy='ddp', max_epochs=1, logger=False,\n"
        "    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)\n"
        "t.fit(m, ClipDataModule(sys.argv[1], frames='all', resize=(8, 16)))\n"
        "open(sys.argv[2] + str(t.global_rank), 'w').write(repr(m.seen))\n"
    )
    result = subprocess.run(
        [sys.executable, str(script), str(frames_folder), str(tmp_path / "seen")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    shares = [eval((tmp_path / f"seen{rank}").read_text()) for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == [0, 1, 2, 3, 4, 5]
