"""A run so small that every way in which it can end can be tried."""

import sys
from pathlib import Path

import pytest

EPOCHS = 6

CONFIG = """
name: tiny
seed_everything: 1
model:
  class_path: xinc_lightning.modules.{module}Module
  init_args: {{target_parameters: {parameters}}}
data: {{path: {clip}, frames: all, resize: [16, 32], batch_size: {batch}}}
trainer:
  accelerator: cpu
  max_epochs: {epochs}
  check_val_every_n_epoch: 2
  num_sanity_val_steps: 0
  enable_model_summary: false
  logger: {{class_path: xinc_lightning.callbacks.MetricsFile}}
  callbacks:
    - class_path: xinc_lightning.callbacks.Progress
    - class_path: xinc_lightning.callbacks.Checkpoints
    - {{class_path: xinc_lightning.callbacks.Reconstructions, init_args: {{every_n_epochs: 2}}}}
    - {{class_path: xinc_lightning.callbacks.ContributionMaps, init_args: {{every_n_epochs: 3, layers: [head]}}}}
    - class_path: xinc_lightning.callbacks.Report
"""


@pytest.fixture
def tiny_configs(tmp_path, tiny_clip, undrawn, monkeypatch):
    """An empty folder to work in, with the configs of a tiny network of each architecture."""
    monkeypatch.setattr(sys, "argv", ["xinc"])
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    options = {"clip": f"'{tiny_clip}'", "epochs": EPOCHS}
    for name, module, parameters in (("tiny", "NeRV", 12_000), ("hnerv", "HNeRV", 30_000)):
        text = CONFIG.format(module=module, parameters=parameters, batch=2, **options)
        Path(f"{name}.yaml").write_text(text)
    for module in ("FFN", "SIREN"):
        text = CONFIG.format(module=module, parameters=400, batch="null", **options)
        Path(f"{module.lower()}.yaml").write_text(text.replace("layers: [head]", "layers: [layer3]"))
