"""``xinc encode`` and ``xinc decode`` on tiny trained runs."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from xinc_lightning.cli.decode import main as decode
from xinc_lightning.cli.encode import main as encode
from xinc_lightning.cli.main import main
from xinc_lightning.data.pixels import to_uint8
from xinc_lightning.modules.clip_file import decode_clip


@pytest.fixture
def runs(tiny_configs) -> Path:
    """A folder with one trained run of each kind."""
    for config in ("tiny.yaml", "ffn.yaml", "siren.yaml", "hnerv.yaml"):
        main(["fit", "--config", config, "--trainer.callbacks=[Checkpoints,Report]", f"--name={config[:-5]}"])
    return Path("runs")


def refused(capsys, command, *args) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        command(args)
    assert stop.value.code in (1, 2)
    line = capsys.readouterr().err.strip()
    assert "\n" not in line
    return line.removeprefix("xinc: error: ")


def test_a_file_is_all_that_a_fresh_process_needs(runs, capsys):
    for name in ("tiny", "ffn", "siren", "hnerv"):
        run = runs / f"{name}-001"
        capsys.readouterr()
        encode([str(run), "-o", f"{name}.xinc"])
        table = capsys.readouterr().out
        content = Path(f"{name}.xinc").read_bytes()
        report = json.loads((run / "report.json").read_text())
        assert len(content) == report["coded_bytes"]
        assert f"{8 * len(content) / (6 * 16 * 32):.4f} bits per pixel" in table
        assert f"{report['quantized_psnr']:.2f} dB" in table
        with torch.no_grad():
            expected = to_uint8(decode_clip(content).module.reconstruct())
        run.rename(f"{name} gone")
        out = Path(f"{name} frames")
        if name in ("tiny", "hnerv"):
            subprocess.run(
                [sys.executable, "-m", "xinc_lightning", "decode", f"{name}.xinc", "-o", str(out)],
                check=True,
                env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
            )
        else:  # starting a process takes most of the time
            decode([f"{name}.xinc", "-o", str(out)])
        assert sorted(p.name for p in out.iterdir()) == [f"{i:05d}.png" for i in range(6)]
        for i, frame in enumerate(expected):
            assert np.array_equal(cv2.imread(str(out / f"{i:05d}.png"))[..., ::-1], frame)

    decode(["tiny.xinc", "-o", "film.mp4"])
    assert cv2.VideoCapture("film.mp4").get(cv2.CAP_PROP_FRAME_WIDTH) == 32

    Path("tiny gone").rename(runs / "tiny-001")
    encode([str(runs / "tiny-001"), "--max-loss", "0.3", "-o", "small.xinc"])
    assert Path("small.xinc").stat().st_size < Path("tiny.xinc").stat().st_size

    damaged = bytearray(Path("tiny.xinc").read_bytes())
    damaged[300] ^= 4
    Path("damaged.xinc").write_bytes(damaged)
    assert "'damaged.xinc' is damaged or cut short" in refused(capsys, decode, "damaged.xinc", "-o", "none")
    assert not Path("none").exists()
    config = runs / "tiny-001" / "config.yaml"
    config.write_text(config.read_text().replace("data:", "other:"))
    assert "does not say which clip" in refused(capsys, encode, str(runs / "tiny-001"), "-o", "none")
    config.unlink()
    assert "has no config.yaml" in refused(capsys, encode, str(runs / "tiny-001"), "-o", "none")
    assert not Path("none").exists()


def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("runs/nerv-001").mkdir(parents=True)
    Path("picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert refused(capsys, encode, "runs/nerv-01") == (
        "encode: there is no run 'runs/nerv-01'; did you mean 'runs/nerv-001'?"
    )
    assert "has no checkpoints/last.ckpt" in refused(capsys, encode, "runs/nerv-001")
    assert "not allowed with" in refused(capsys, encode, "runs/nerv-001", "--bits", "8", "--max-loss", "1")
    assert refused(capsys, decode, "none.xinc") == "decode: there is no file 'none.xinc'."
    assert refused(capsys, decode, "picture.png") == "decode: 'picture.png' is not a clip of xinc encode."
    assert "is not a regular file" in refused(capsys, decode, "runs")
