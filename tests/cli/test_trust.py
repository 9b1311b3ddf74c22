"""A run folder of somebody else: its config.yaml makes nothing but our own classes, unless ``--trust`` is given."""

import shlex
import sys
from pathlib import Path

import pytest
import yaml

from xinc_lightning.cli.failures import how_to_resume
from xinc_lightning.cli.main import main

pytestmark = pytest.mark.usefixtures("tiny_configs")

STRANGER = """
from pathlib import Path
from lightning.pytorch import Callback

Path("imported").touch()


class Harm(Callback):
    def __init__(self):
        Path("instantiated").touch()


def harm(*_):
    Path("called").touch()
"""
RUN = Path("theirs/tiny-001")
HARM = "stranger.Harm"


@pytest.fixture(autouse=True)
def stranger(tmp_path, tiny_configs, monkeypatch):
    """A module that is noticed, and the folder of a run whose config a test makes hostile."""
    Path("stranger.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(Path.cwd())
    (RUN / "checkpoints").mkdir(parents=True)
    yield
    sys.modules.pop("stranger", None)


def config(**trainer):
    text = yaml.safe_load(Path("tiny.yaml").read_text())
    text["trainer"] |= {"fast_dev_run": True, "logger": False, "callbacks": None} | trainer
    return text


def write(content, name="config.yaml"):
    (RUN / name).write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(RUN / name)


def with_file(name, content, **trainer):
    """A config that names another file of the run."""
    write(content, name)
    return config(**trainer)


HOSTILE = {
    "a class": lambda: config(callbacks=[{"class_path": HARM}]),
    "a class by its name only": lambda: config(callbacks=[HARM]),
    "a class in no list": lambda: config(callbacks=HARM),
    "a name that is added": lambda: {**config(), "trainer.callbacks+": HARM},
    "keys with dots": lambda: {**config(), "trainer.callbacks": [{"class_path": HARM}]},
    "a class path in a key": lambda: {**config(), "model.class_path": HARM},
    "YAML in a text": lambda: {**config(), "trainer": f"{{callbacks: [{HARM}]}}"},
    "JSON in a text": lambda: config(callbacks='[{"class_path": "stranger.Harm"}]'),
    "a file": lambda: with_file("more.yaml", [HARM], callbacks="more.yaml"),
    "a file whose name looks like a word": lambda: with_file("auto", {"class_path": HARM}, strategy="auto"),
    "a second config": lambda: {**with_file("more", {"trainer": config()}), "config": "more"},
    "a profiler": lambda: config(profiler=HARM),
    "Lightning's callback that calls anything": lambda: config(
        callbacks=[{"class_path": "LambdaCallback", "init_args": {"on_fit_start": "stranger.harm"}}]
    ),
    "what our own modules import": lambda: config(
        callbacks=[{"class_path": "xinc_lightning.cli.training.SaveConfigCallback"}]
    ),
    "a class within options": lambda: {
        **config(),
        "model": {"class_path": "NeRVModule", "init_args": {"output": {"class_path": HARM}}},
    },
    "aliases without end": lambda: "trainer: &a [*a]",
    "tags": lambda: "trainer: !!python/object/apply:stranger.harm []",
}


def refusal(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(args)
    return stop.value.code, capsys.readouterr().err.strip().splitlines()


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        *(("test", kind) for kind in HOSTILE),
        *((other, "a class") for other in ("fit", "predict", "validate")),
    ],
)
def test_a_strangers_config_imports_nothing(command, kind, capsys):
    code, lines = refusal(capsys, command, "--config", write(HOSTILE[kind]()))
    assert (code, len(lines)) == (1, 1), lines
    assert "--trust" in lines[0]
    assert not any(Path(noticed).exists() for noticed in ("imported", "instantiated", "called"))


def test_the_class_is_named(capsys):
    _, (line,) = refusal(capsys, "test", f"--config={write(HOSTILE['a class']())}")
    assert line == (
        "xinc: error: 'theirs/tiny-001/config.yaml' is the config of a run and names 'stranger.Harm', which is not "
        "part of xinc_lightning and would be run as code. Add --trust if you trust whoever made the run."
    )


def test_a_part_of_a_config_is_a_config(capsys):
    write(config())
    part = write([HARM], "callbacks.yaml")
    assert refusal(capsys, "fit", "--config", "tiny.yaml", "--trainer.callbacks", part)[0] == 1
    assert not Path("imported").exists()


def test_a_link_to_a_run_is_that_run(capsys):
    write(HOSTILE["a class"]())
    Path("mine.yaml").symlink_to(RUN / "config.yaml")
    assert refusal(capsys, "fit", "--config", "mine.yaml")[0] == 1
    assert not Path("imported").exists()


def test_with_trust_it_runs():
    main(["fit", "--trust", "--config", write(HOSTILE["a class"]())])
    assert Path("instantiated").exists()


def test_a_folder_with_a_config_and_a_checkpoint_is_a_run(capsys):
    (RUN / "checkpoints").rmdir()
    (RUN / "best.ckpt").touch()
    assert refusal(capsys, "test", "--config", write(HOSTILE["a class"]()))[0] == 1


def test_ones_own_config_needs_no_trust():
    Path("own.yaml").write_text(yaml.safe_dump(HOSTILE["a class"]()))
    main(["fit", "--config", "own.yaml"])
    assert Path("instantiated").exists()


def test_what_a_run_writes_is_accepted_without_trust():
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    run = "runs/tiny-001"
    main(["test", "--config", f"{run}/config.yaml", "--ckpt_path", f"{run}/checkpoints/last.ckpt"])
    assert Path("runs/tiny-test-001/report.json").exists()


def test_the_line_that_says_how_to_resume_works_with_classes_of_ones_own(capsys):
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    run = Path("runs/tiny-001")
    assert "--trust" not in how_to_resume(run)
    saved = yaml.safe_load((run / "config.yaml").read_text())
    saved["trainer"]["callbacks"].append({"class_path": HARM})
    saved["trainer"]["max_epochs"] = 3
    (run / "config.yaml").write_text(yaml.safe_dump(saved))
    line = how_to_resume(run)
    assert "the config names 'stranger.Harm', which is run as code" in line
    main(shlex.split(line.partition(": lightning ")[2]))
    assert Path("instantiated").exists()
