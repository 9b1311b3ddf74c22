"""The tables of docs/faithfulness.md are those of the runs' scalars."""

import importlib.util
import json
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent


def a_run(folder, **scalars):
    snapshot = folder / "analyses" / "epoch=0010"
    (snapshot / "faithfulness").mkdir(parents=True)
    np.savez(snapshot / "faithfulness/head.npz", neurons=[0])
    (snapshot / "scalars.json").write_text(json.dumps({"epoch": 10, "scalars": scalars}))
    return str(folder)


def test_tables_hold_what_the_runs_logged(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("table", ROOT / "scripts" / "faithfulness_table.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    quartiles = {
        f"faithfulness/head/cosine_{q}": v for q, v in (("q25", 0.8), ("median", 0.9), ("q75", 0.95))
    }
    one = a_run(tmp_path / "nerv-001", **quartiles, **{"variance/head/grid_median": 0.25})
    two = a_run(tmp_path / "nerv-test-001", **{"variance/head/grid_median": 0.125})
    script.main([one])
    alone = capsys.readouterr().out
    assert "| cosine, median (quartiles) | 0.9 (0.8, 0.95) |" in alone
    assert "contributions \\| effects" not in alone
    assert "Spearman" not in alone, "no layer has any"
    script.main([one, two])
    assert "| variance over grid, median | 0.25 \\| 0.125 |" in capsys.readouterr().out
