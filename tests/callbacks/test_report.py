"""The table at the end names what there is, and nothing else."""

import re

import pytest
import torch
from lightning.pytorch import Trainer

from xinc_lightning.callbacks import Checkpoints, Reconstructions, Report
from xinc_lightning.modules import NeRVModule


@pytest.fixture
def table(clip_of, data_of, tmp_path, monkeypatch, capsys):
    """Train or test a tiny network with a Report and other callbacks; the table's rows, by name."""

    def run(command, *others):
        monkeypatch.setenv("COLUMNS", "300")
        torch.manual_seed(3)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            limit_val_batches=0,
            default_root_dir=tmp_path / "run",
            callbacks=[*others, Report()],
            logger=False,
            enable_checkpointing=any(isinstance(other, Checkpoints) for other in others),
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        capsys.readouterr()
        getattr(trainer, command)(NeRVModule(target_parameters=5000), datamodule=data_of(clip_of(4)))
        return dict(re.findall(r"^  (\S.*?)   +(\S.*?) *$", capsys.readouterr().out, re.MULTILINE))

    return run


def test_report_names_all_folders(table, tmp_path):
    rows = table("fit", Reconstructions(), Checkpoints())
    assert {"PSNR, SSIM", "size", "8-bit PSNR", "8-bit size", "time"} < rows.keys()
    for name, folder in {"pictures": "analyses", "checkpoints": "checkpoints"}.items():
        assert rows[name] == str(tmp_path / "run" / folder)
        assert (tmp_path / "run" / folder).is_dir()


@pytest.mark.parametrize(
    ("command", "others", "missing"),
    [
        ("test", [Reconstructions, Checkpoints], {"checkpoints"}),
        ("fit", [Reconstructions], {"checkpoints"}),
        ("fit", [Checkpoints], {"pictures"}),
        ("fit", [], {"pictures", "checkpoints"}),
    ],
)
def test_report_names_no_missing_folder(table, tmp_path, command, others, missing):
    rows = table(command, *(other() for other in others))
    assert {"pictures", "checkpoints"} - rows.keys() == missing
    names = {"pictures": "analyses", "checkpoints": "checkpoints"}
    for name in missing:
        assert not (tmp_path / "run" / names[name]).exists()
