"""The shipped configs: listed, copied, and alike where they are meant to be."""

from pathlib import Path

import pytest
import yaml

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.main import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("dataset", ["davis", "vipseg", "cityscapes_vps"])
def test_a_dataset_is_trained_and_analysed_as_the_demo_clip_is(dataset):
    demo, other = (
        yaml.safe_load(shipped_configs()[f"{name}.yaml"].read_text()) for name in ("nerv", dataset)
    )
    assert other["model"] == demo["model"]
    for callback in other["trainer"][
        "callbacks"
    ]:  # the first annotated frame of Cityscapes-VPS is another one
        callback.get("init_args", {}).pop("frame", None)
    assert other["trainer"] == demo["trainer"]


def test_configs_are_listed_and_copied(capsys):
    main(["configs"])
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == [*shipped_configs()]
    main(["configs", "--copy", "nerv.yaml"])
    assert Path("nerv.yaml").read_bytes() == shipped_configs()["nerv.yaml"].read_bytes()
    with pytest.raises(SystemExit):
        main(["configs", "--copy", "nerv.yaml"])
    assert "already exists" in capsys.readouterr().err


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["configs", "--help"])
    assert stop.value.code == 0
    assert "--copy" in capsys.readouterr().out


@pytest.mark.parametrize(
    "args", [["configs", "nrv.yaml"], ["configs", "--cpy"], ["clips"], ["clips", "--data.path"]]
)
def test_user_errors_are_one_line(args, capsys):
    with pytest.raises(SystemExit) as stop:
        main(args)
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
