"""Names of runs, clips and folders are shown as they are, and do nothing, through a whole run and what reads it."""

from pathlib import Path

import pytest

from xinc_lightning.cli.main import main

pytestmark = pytest.mark.usefixtures("tiny_configs")

SHORT = ["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"]


def test_markup_mathematics_escapes_and_colons(tiny_clip, capsys):
    clip = tiny_clip.rename(tiny_clip.with_name("[b] $\\frac$ \x1b[2J\n[red]"))
    root, name = "a:b/x[/b]", "bear [old] [bold]"  # `[/b]` closes in rich's markup what was not opened
    main([*SHORT, "--data.path", str(clip), "--name", name, "--trainer.default_root_dir", root])
    run = Path(root) / f"{name}-001"
    assert {"metrics.csv", "report.json", "config.yaml", "analyses", "checkpoints"} <= {
        path.name for path in run.iterdir()
    }
    assert "a:b" in {path.name for path in Path.cwd().iterdir()}
    assert "bear [old] [bold]-001" in capsys.readouterr().out
    main(["test", "--config", str(run / "config.yaml"), "--ckpt_path", str(run / "checkpoints/last.ckpt")])
    main(["report", str(run)])
    main(["compare", str(run), "--out", "table"])
    said = capsys.readouterr()
    assert "\x1b[2J" not in said.out + said.err
    assert "bear [old] [bold]" in said.out
