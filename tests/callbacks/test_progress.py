"""Lines of progress where the output is a file."""

from types import SimpleNamespace

import pytest

from xinc_lightning.callbacks import Progress
from xinc_lightning.callbacks import progress as module
from xinc_lightning.modules import NeRVModule


@pytest.mark.parametrize(
    ("seconds_an_epoch", "expected"),
    [(1, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]), (16, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22])],
)
def test_a_line_every_tenth_and_at_least_every_half_minute(seconds_an_epoch, expected, monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    trainer = SimpleNamespace(current_epoch=0, max_epochs=100, callback_metrics={})
    progress = Progress()
    progress.on_train_start(trainer, NeRVModule(target_parameters=12_000, clip_shape=[2, 16, 32]))
    for epoch in range(101):
        trainer.current_epoch = epoch
        progress.on_train_epoch_start(trainer, None)
        trainer.callback_metrics = {"train/psnr": 20.0}
        clock.now += seconds_an_epoch
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"epoch {expected[0]}/100  20.00 dB"
    assert [int(line.split()[1].split("/")[0]) for line in lines][: len(expected)] == expected
