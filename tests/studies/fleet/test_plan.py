"""From a plan to the commands of its fits."""

import json
import shlex
import time
import tracemalloc
from pathlib import Path

import pytest

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.data import DataError, index
from xinc_lightning.studies.fleet.configs import PlanError
from xinc_lightning.studies.fleet.plan import make_plan, read_plan
from xinc_lightning.studies.fleet.state import runs_of

SHIPPED = shipped_configs()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text("trainer: {max_epochs: 5}\ndata: {path: bunny}\n")


def plan_of(grid, **more):
    return make_plan({"name": "test", "config": "own.yaml", "grid": grid, **more}, SHIPPED)


def names(plan):
    """Without their digests."""
    return [cell.name.rpartition("-")[0] for cell in plan.cells]


def test_a_grid_is_the_product_of_its_axes():
    plan = plan_of({"seeds": [1, 2], "model.init_args.target_bpp": [16, 32.5]})
    assert names(plan) == [
        "own-seed1-target_bpp16",
        "own-seed1-target_bpp32.5",
        "own-seed2-target_bpp16",
        "own-seed2-target_bpp32.5",
    ]
    assert [dict(cell.settings) for cell in plan.cells][1] == {
        "seed_everything": 1,
        "model.init_args.target_bpp": 32.5,
    }
    assert plan.cells[3].labels == {"seed": "2", "target_bpp": "32.5"}


def test_a_cell_is_an_ordinary_command():
    (cell,) = plan_of({"seeds": [7], "data.frames": [[0, 5]]}, config=["nerv.yaml", "light.yaml"]).cells
    assert cell.arguments == [
        *("fit", "--config", "nerv.yaml", "--config", "light.yaml"),
        *("--seed_everything=7", "--data.frames=[0, 5]", "--trainer.logger.group=test"),
        *(f"--name={cell.name}", "--trainer.default_root_dir=runs/test"),
    ]
    assert shlex.split(shlex.join(cell.arguments)) == cell.arguments


def test_without_wandb_there_is_no_group():
    (cell,) = plan_of({"seeds": [7]}).cells
    assert not [argument for argument in cell.arguments if "group" in argument]


def test_names_with_settings_are_an_axis():
    grid = {
        "clips": {"a": {"data.path": "bunny"}, "b": {"data.path": "bikes", "data.frames": "0:30"}},
        "network": {
            "small": {"model.init_args.target_bpp": 8},
            "other": {"config": ["ffn.yaml", "own.yaml"]},
        },
    }
    plan = plan_of(grid, set={"trainer.max_epochs": 3})
    assert names(plan) == [
        "own-a-networksmall",
        "ffn-a-networkother",
        "own-b-networksmall",
        "ffn-b-networkother",
    ]
    last = plan.cells[3]
    assert last.configs == ("ffn.yaml", "own.yaml")
    assert last.settings == {"trainer.max_epochs": 3, "data.path": "bikes", "data.frames": "0:30"}
    assert last.labels == {"clip": "b", "network": "other"}


def test_several_grids_each_with_its_config():
    plan = plan_of(
        [{"config": "nerv.yaml", "seeds": [1]}, {"config": "ffn.yaml", "set": {"keep_weights": False}}]
    )
    assert names(plan) == ["nerv-seed1", "ffn"]
    assert "--keep_weights=false" in plan.cells[1].arguments


def test_only_changed_cells_have_other_names(tmp_path):
    before = plan_of({"seeds": [1, 2]})
    more = plan_of({"seeds": [1, 2, 3]})
    assert [cell.name for cell in more.cells[:2]] == [cell.name for cell in before.cells]
    longer = plan_of({"seeds": [1, 2]}, set={"trainer.max_epochs": 6})
    assert not {cell.name for cell in longer.cells} & {cell.name for cell in before.cells}
    elsewhere = plan_of({"seeds": [1, 2]}, set={"trainer.logger.project": "mine"})
    assert [cell.name for cell in elsewhere.cells] == [cell.name for cell in before.cells]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("# a comment\ndata: {path: bunny}\ntrainer: {max_epochs: 5}\n", True),
        ("trainer: {max_epochs: 5, logger: {class_path: MetricsFile}}\ndata: {path: bunny}\n", True),
        ("trainer: {max_epochs: 7}\ndata: {path: bunny}\n", False),
    ],
)
def test_a_config_counts_by_what_it_trains(text, same):
    before = plan_of({"seeds": [1]}).cells[0].name
    Path("own.yaml").write_text(text)
    assert (plan_of({"seeds": [1]}).cells[0].name == before) is same


def test_newest_run_of_each_cell_is_found():
    plan = plan_of({"seeds": [1, 2, 3]})
    first, second, _ = (cell.name for cell in plan.cells)
    for folder in (f"{first}-002", f"{first}-010", f"{first}-old-011", f"{second}-001", "other-001"):
        (plan.runs / folder).mkdir(parents=True)
    assert runs_of(plan) == {first: plan.runs / f"{first}-010", second: plan.runs / f"{second}-001"}


WRONG = [
    ({"grids": []}, "a plan has no key 'grids'; did you mean 'grid'?"),
    ({"config": "nrev.yaml", "grid": {}}, "did you mean 'nerv.yaml'"),
    ({"grid": {}}, "config is None"),
    ({"config": "nerv.yaml", "grid": {"seeds": 3}}, "seeds is 3; it needs a list of values"),
    ({"config": "nerv.yaml", "grid": {"seeds": []}}, "seeds is \\[\\]"),
    ({"config": "nerv.yaml", "grid": {"seeds": [1, 2, 1]}}, "the same value more than once"),
    ({"config": "nerv.yaml", "grid": {"Model!": [1]}}, "'Model!' is no key of a config"),
    ({"config": "nerv.yaml", "grid": {"trainer.default_root_dir": ["x"]}}, "is set by the fleet"),
    ({"config": "nerv.yaml", "grid": {"clips": {"a": 3}}}, "clips: a is 3"),
    ({"config": "nerv.yaml", "grid": [3]}, "a grid is 3"),
    ({"config": "nerv.yaml", "grid": [{}, {}]}, "in the plan more than once, the first is 'nerv-"),
    ({"config": "nerv.yaml", "name": "a/b"}, "the plan's name is 'a/b'"),
    ({"config": "nerv.yaml", "set": {"config": "ffn.yaml"}}, "set: config belongs beside it"),
    (
        {"config": "nerv.yaml", "grid": {"seeds": [1], "seed_everything": [2]}},
        "seeds and seed_everything both set seed_everything",
    ),
    (
        {"config": "nerv.yaml", "grid": {"a": {"x": {"name": "y"}}}},
        "a: x: name is set by the fleet",
    ),
]


@pytest.mark.parametrize(("content", "message"), WRONG)
def test_what_is_wrong_with_a_plan_is_one_sentence(content, message):
    with pytest.raises(PlanError, match=message):
        make_plan({"name": "test", **content}, SHIPPED)


def test_plans_are_yaml():
    Path("fleet.yaml").write_text("config: own.yaml\ngrid: {seeds: [1, 2]}\n")
    plan = read_plan(Path("fleet.yaml"), SHIPPED)
    assert (plan.name, plan.runs, len(plan.cells)) == ("fleet", Path("runs/fleet"), 2)
    with pytest.raises(PlanError, match=r"there is no plan 'flet\.yaml'; did you mean 'fleet\.yaml'"):
        read_plan(Path("flet.yaml"), SHIPPED)
    with pytest.raises(PlanError, match=r"did you mean 'fleet_demo\.yaml'"):
        read_plan(Path("fleet_demo.yml"), SHIPPED)
    Path("fleet.yaml").write_text("name:\nconfig: own.yaml\n")
    assert read_plan(Path("fleet.yaml"), SHIPPED).runs == Path("runs/fleet")
    Path("list.yaml").write_text("[1, 2]")
    with pytest.raises(PlanError, match=r"the plan 'list\.yaml' has no keys"):
        read_plan(Path("list.yaml"), SHIPPED)
    Path("torn.yaml").write_text("a: [")
    with pytest.raises(PlanError, match="is no YAML"):
        read_plan(Path("torn.yaml"), SHIPPED)


def test_demo_has_six_clips_two_networks_and_two_seeds():
    plan = read_plan(Path("fleet_demo.yaml"), SHIPPED)
    assert len(plan.cells) == 24
    clips = {cell.labels["clip"] for cell in plan.cells}
    assert clips == {"bunny-000", "bunny-034", "bunny-068", "bunny-102", "bikes", "carphone"}
    for clip in clips:
        of_clip = [cell for cell in plan.cells if cell.labels["clip"] == clip]
        assert {(cell.configs[0], cell.labels["seed"]) for cell in of_clip} == {
            *(("nerv.yaml", "42"), ("nerv.yaml", "43"), ("ffn.yaml", "42"), ("ffn.yaml", "43"))
        }


def fake_vipseg(folder, clips):
    """The annotations of a VIPSeg without its pictures, which planning does not need."""
    folder.mkdir()
    segments = [{"id": 1, "category_id": 3}]
    annotations = [
        {
            "video_id": f"{number}_abc",
            "annotations": [{"image_id": f"{n:08d}", "segments_info": segments} for n in range(4)],
        }
        for number in range(clips)
    ]
    categories = [{"id": 3, "name": "sky", "isthing": 0}]
    content = {"categories": categories, "annotations": annotations}
    (folder / "panoptic_gt_VIPSeg.json").write_text(json.dumps(content))
    return folder


def test_all_clips_of_a_dataset_from_one_reading_of_its_annotations(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = fake_vipseg(tmp_path / "VIPSeg_720P", 40)
    read = []
    parse = index.read_json
    monkeypatch.setattr(index, "read_json", lambda path, *more: read.append(path) or parse(path, *more))
    plan = plan_of({"clips": "all", "seeds": [1, 2]}, set={"data.path": str(data)})
    assert len(plan.cells) == 80
    assert plan.cells[0].settings["data.clip_id"] == "0_abc"
    assert len(read) == 1
    with pytest.raises(DataError, match="'bunny' is a single clip"):
        plan_of({"clips": "all"})
    with pytest.raises(PlanError, match=r"clips: all needs the data\.path"):
        make_plan({"name": "test", "config": "light.yaml", "grid": {"clips": "all"}}, SHIPPED)


def test_planning_of_thousands_of_fits_is_quick_and_small():
    """All clips of VIPSeg and five seeds would be 17,680 fits; docs/fleet.md has the numbers."""
    clips = [f"{number}_abc" for number in range(400)]
    tracemalloc.start()
    start = time.process_time()
    plan = plan_of({"clips": clips, "seeds": [1, 2, 3]}, config="nerv.yaml")
    seconds, (_, most) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(plan.cells) == 1200
    assert seconds < 3
    assert most < 20e6
