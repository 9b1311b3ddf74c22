"""``xinc summary`` of runs made by hand."""

import csv
import io
import json
import math
from pathlib import Path

import pytest
import yaml

from xinc_lightning.cli import summary as command
from xinc_lightning.cli.main import main
from xinc_lightning.runs.reader import read_run
from xinc_lightning.studies.summary import summarise, wandb_options
from xinc_lightning.studies.summary_figures import figures_of
from xinc_lightning.studies.summary_tables import markdown, tables

CLIPS = [f"clip{n}" for n in range(6)]


@pytest.fixture
def fleet(write_run, monkeypatch, tmp_path):
    """Six clips, two architectures, two seeds: edges hold in the last layers, intensity does not."""
    monkeypatch.chdir(tmp_path)
    for number, clip in enumerate(CLIPS):
        for seed in (1, 2):
            for architecture, layers in (("NeRV", ("block1", "head")), ("FFN", ("layer1", "layer3"))):
                value = 0.1 * number + 0.01 * seed
                scalars = {
                    f"intensity/{layers[1]}/edge_correlation": 0.2 + value,
                    f"intensity/{layers[1]}/intensity_correlation": -0.2 - value,
                    f"intensity/{layers[0]}/edge_correlation": (-1) ** number * 0.5,
                    f"own/{layers[1]}/thing": None if number else value,
                }
                name = f"{architecture.lower()}-{clip}-{seed}-001"
                write_run(f"runs/{name}", architecture, seed, clip, scalars=scalars, psnr=30.0 + number)
    return sorted(Path("runs").iterdir())


def read(table):
    return [*csv.DictReader(io.StringIO(table))]


def test_every_number_is_in_the_tables(fleet):
    found = tables(summarise([read_run(path) for path in fleet]))
    (edges,) = [row for row in read(found["findings"]) if (row["finding"], row["layer"]) == ("edges", "head")]
    assert float(edges["mean"]) == pytest.approx(0.2 + 0.25 + 0.015)
    assert (edges["clips"], edges["runs"], edges["agreeing"], edges["verdict"]) == ("6", "12", "6", "holds")
    assert float(edges["low"]) < float(edges["mean"]) < float(edges["high"])
    verdicts = {(row["finding"], row["layer"]): row["verdict"] for row in read(found["findings"])}
    assert verdicts["intensity", "head"] == "does not hold"
    assert verdicts["edges", "block1"] == "undecided"
    spreads = {(row["setting"], row["layer"], row["scalar"]): row for row in read(found["spreads"])}
    assert float(spreads["NeRV", "", "psnr"]["mean"]) == 32.5
    assert float(spreads["NeRV", "", "psnr"]["clip_spread"]) == pytest.approx(math.sqrt(3.5))
    assert float(spreads["NeRV", "head", "edge_correlation"]["seed_spread"]) == pytest.approx(
        0.01 / math.sqrt(2)
    )
    thing = spreads["FFN", "layer3", "thing"]
    assert (thing["clips"], thing["low"]) == ("1", ""), "of other clips it was not finite"
    pairs = {(row["matched"], row["layers"], row["scalar"]): row for row in read(found["pairs"])}
    assert pairs["bpp", "layer3 | head", "edge_correlation"]["first_is"] == "equal"
    assert len(read(found["runs"])) == 24


def test_markdown_says_how_far_its_numbers_go(fleet):
    runs = [read_run(path) for path in fleet]
    text = markdown(summarise(runs))
    assert "24 runs of 6 clips from 6 sources." in text
    assert "| edges | 4.3 | FFN layer3, NeRV head | – | FFN layer1, NeRV block1 |" in text
    assert "### FFN less NeRV, at matched PSNR (within 1 dB)" in text
    one = markdown(summarise(runs[:2]))
    assert "[no interval" in one.replace("\\", "")
    assert "| edges | 4.3 | – | – | FFN layer1, FFN layer3 |" in one, "one clip proves nothing"


def test_clips_of_one_source_are_said_to_be_alike(write_run):
    paths = [write_run(f"nerv-{n}", frames=range(30 * n, 30 * n + 30)) for n in range(2)]
    text = markdown(summarise([read_run(path) for path in paths]))
    assert "2 runs of 2 clips from 1 source." in text
    assert "intervals may be too narrow" in text


def test_figures_are_of_findings_scalars_networks_and_pairs(fleet):
    figures, undrawn = figures_of(summarise([read_run(path) for path in fleet]))
    assert [*figures] == ["findings", "networks", "scalars", "pair01_bpp", "pair02_psnr"]
    assert undrawn == []
    panels = {axes.get_title(): axes for axes in figures["findings"].axes}
    assert [tick.get_text() for tick in panels["edges: > 0"].get_yticklabels()] == [
        *("FFN layer1", "FFN layer3", "NeRV block1", "NeRV head")
    ]


def test_the_command_writes_all_and_leaves_out_what_has_only_begun(fleet, capsys, monkeypatch):
    monkeypatch.setattr(command, "figure_file", lambda figure, kind: b"drawing takes seconds")
    (begun := Path("runs/nerv-new-001")).mkdir()
    (begun / "config.yaml").write_text("name: nerv-new\n")
    main(["summary", *map(str, fleet), str(begun), "--out", "out"])
    said = capsys.readouterr()
    assert "runs/nerv-new-001 has no analyses yet" in said.err
    assert "6 of 6" in said.out
    record = json.loads(Path("out/summary.json").read_text())
    assert record["clips"] == CLIPS
    assert record["scalars"]["verdict/edges/NeRV_head"] == 1
    assert record["scalars"]["verdict/intensity/NeRV_head"] == -1
    files = {f"{name}.png" for name in record["figures"]} | {f"{name}.csv" for name in record["tables"]}
    assert files | {"summary.json", "summary.md"} == {path.name for path in Path("out").iterdir()}


def test_names_from_outside_do_nothing(write_run, tmp_path, monkeypatch, capsys):
    """Rich's markup, an escape sequence, mathematics that is none, and a cell's end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "figures_of", lambda summary: (one_figure(summary), []))
    path = write_run(
        "[b]-001",
        path="[/b] $\\frac$ \x1b[2J | <img>",
        scalars={"intensity/[b] $\\frac$/edge_correlation": 1.0},
    )
    main(["summary", str(path)])
    assert "[b] $\\frac$" in capsys.readouterr().out
    assert "\x1b" not in Path("summary/summary.md").read_text() + Path("summary/runs.csv").read_text()
    assert "<img>" not in Path("summary/summary.md").read_text()


def one_figure(summary):
    figures, _ = figures_of(summary)
    return {"networks": figures["networks"]}


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["runs/nope"], "there is no run 'runs/nope'"),
        (["plan.yaml"], "no fit of the plan 'plan.yaml' has begun"),
    ],
)
def test_errors_are_one_line(paths, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("plan.yaml").write_text("name: mine\ngrid: {config: nerv.yaml, seeds: [1, 2]}\n")
    with pytest.raises(SystemExit):
        main(["summary", *paths])
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_plan_stands_for_the_runs_that_it_has(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("plan.yaml").write_text("name: mine\ngrid: {config: nerv.yaml, seeds: [1, 2]}\n")
    with pytest.raises(SystemExit):
        main(["summary", "plan.yaml"])
    capsys.readouterr()
    main(["fleet", "plan.yaml", "--commands"])
    name = capsys.readouterr().out.splitlines()[1].partition("--name=")[2].split()[0]
    run = Path(f"runs/mine/{name}-001")
    run.mkdir(parents=True)
    assert command._folders(Path("plan.yaml")) == [run]
    assert "1 of 2 fits have not begun" in capsys.readouterr().err


def test_the_summary_goes_to_wandb_where_its_runs_went(write_run):
    def run(number, *loggers):
        path = write_run(f"nerv-{number}", seed=number, trainer={"logger": [*loggers]})
        return read_run(path)

    def wandb(**options):
        return {"class_path": "xinc_lightning.callbacks.WandbRun", "init_args": options}

    first = run(1, wandb(project="p", group="fleet"))
    second = run(2, {"class_path": "MetricsFile"}, wandb(project="q", group="fleet", entity=None))
    assert wandb_options([first, second]) == {"group": "fleet"}
    assert wandb_options([first, run(3)]) is None
    assert yaml.safe_load((first.path / "config.yaml").read_text())["trainer"]["logger"]
