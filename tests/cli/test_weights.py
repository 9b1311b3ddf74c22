"""The weights beside the analyses of an epoch: any of these can be looked at again."""

import json
from pathlib import Path

import pytest

from xinc_lightning.cli.main import main
from xinc_lightning.runs.checkpoint_file import read_checkpoint

pytestmark = pytest.mark.usefixtures("tiny_configs")


def scalars(run, epoch):
    return json.loads((Path("runs") / run / "analyses" / f"epoch={epoch:04d}" / "scalars.json").read_text())


@pytest.mark.parametrize("name", ["tiny", "ffn", "hnerv"])
def test_an_analysed_epoch_is_tested_again_with_the_same_numbers(name):
    config = ["--config", f"{name}.yaml", "--name", name]
    main(["fit", *config, "--trainer.max_epochs", "4"])
    kept = Path(f"runs/{name}-001/analyses/epoch=0003/weights.safetensors")
    main(["test", *config, "--ckpt_path", str(kept)])
    again = scalars(f"{name}-test-001", 3)
    before = scalars(f"{name}-001", 3)
    assert again["global_step"] == before["global_step"]
    assert again["scalars"].items() >= before["scalars"].items()
    assert kept.read_bytes() == Path(f"runs/{name}-test-001/{'/'.join(kept.parts[2:])}").read_bytes()


def test_the_last_ones_are_those_of_the_last_checkpoint():
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    kept = read_checkpoint(Path("runs/tiny-001/analyses/epoch=0002/weights.safetensors"))
    last = read_checkpoint(Path("runs/tiny-001/checkpoints/last.ckpt"))
    assert all((kept["state_dict"][name] == weight).all() for name, weight in last["state_dict"].items())
    assert kept["clip"] == last["clip"]
    assert kept["hyper_parameters"] == last["hyper_parameters"]


def test_an_option_turns_them_off():
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2", "--keep_weights", "false"])
    assert not [*Path("runs").rglob("*.safetensors")]


def test_training_does_not_go_on_from_weights_alone(capsys):
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    kept = "runs/tiny-001/analyses/epoch=0002/weights.safetensors"
    with pytest.raises(SystemExit):
        main(["fit", "--config", "tiny.yaml", "--ckpt_path", kept])
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "can be tested, but not resumed" in line
    assert [path.name for path in Path("runs").iterdir()] == ["tiny-001"]
