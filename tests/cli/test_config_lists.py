"""A list of callbacks or loggers given later replaces the earlier one, whatever is in both."""

import sys

import pytest
import yaml

from xinc_lightning.cli.config_lists import lists_replaced
from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.main import main

PACKAGE = "xinc_lightning.callbacks."
QUICK = yaml.safe_load(shipped_configs()["quick.yaml"].read_text())["trainer"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["xinc"])


@pytest.fixture
def resolved(tmp_path, capsys):
    """The trainer's config that ``fit`` comes to after quick.yaml, a config of these lists, and options."""

    def resolve(lists, *options):
        (tmp_path / "later.yaml").write_text(yaml.safe_dump({"trainer": lists}))
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(["fit", "--config", "quick.yaml", "--config", "later.yaml", *options, "--print_config"])
        printed = capsys.readouterr()
        assert stop.value.code == 0, printed.err
        return yaml.safe_load(printed.out)["trainer"]

    return resolve


def options_of(entries, name):
    """The options of the entries of one class."""
    return [entry["init_args"] for entry in entries if entry["class_path"] == PACKAGE + name]


def same_classes(**options):
    """quick.yaml's callbacks with no options but those given for some."""
    names = [entry["class_path"].removeprefix(PACKAGE) for entry in QUICK["callbacks"]]
    return [
        {"class_path": PACKAGE + name, **({"init_args": options[name]} if name in options else {})}
        for name in names
    ]


@pytest.mark.parametrize("length", [7, 6, 8])
def test_callbacks_of_a_later_config_replace_the_earlier_ones(resolved, length):
    later = [*same_classes(ContributionMaps={"every_n_epochs": 2}), same_classes()[0]]
    callbacks = resolved({"callbacks": later[:length]})["callbacks"]
    assert len(callbacks) == length
    (maps,) = options_of(callbacks, "ContributionMaps")
    assert (maps["layers"], maps["every_n_epochs"], maps["neurons"]) == (None, 2, 12)
    (reconstructions,) = options_of(callbacks, "Reconstructions")
    assert reconstructions["every_n_epochs"] is None


def test_entries_may_be_class_names(resolved):
    callbacks = resolved({"callbacks": [entry["class_path"] for entry in same_classes()]})["callbacks"]
    assert options_of(callbacks, "ContributionMaps")[0]["layers"] is None


def test_loggers_of_a_later_config_replace_the_earlier_ones(resolved, tmp_path):
    loggers = [{"class_path": PACKAGE + name} for name in ("WandbRun", "MetricsFile")]
    first = [{**loggers[0], "init_args": {"project": "mine"}}, loggers[1]]
    (tmp_path / "last.yaml").write_text(yaml.safe_dump({"trainer": {"logger": loggers}}))
    assert options_of(resolved({"logger": first})["logger"], "WandbRun")[0]["project"] == "mine"
    found = resolved({"logger": first}, "--config=last.yaml")["logger"]
    assert options_of(found, "WandbRun")[0]["project"] is None


@pytest.mark.parametrize("form", [["--trainer.callbacks={}"], ["--trainer.callbacks", "{}"]])
def test_list_on_the_command_line_replaces_the_configs(resolved, form):
    names = ", ".join(entry["class_path"] for entry in same_classes())
    callbacks = resolved({}, *(part.format(f"[{names}]") for part in form))["callbacks"]
    assert len(callbacks) == len(QUICK["callbacks"])
    assert options_of(callbacks, "ContributionMaps")[0]["layers"] is None
    assert options_of(callbacks, "PixelsToNeurons")[0]["every_n_epochs"] is None


def test_options_after_a_list_append_to_it_and_change_its_last_entry(resolved):
    later = same_classes(ContributionMaps={"every_n_epochs": 2})
    options = [f"--trainer.callbacks+={PACKAGE}ContributionMaps", "--trainer.callbacks.layers=[block3]"]
    callbacks = resolved({"callbacks": later}, *options, "--trainer.callbacks.neurons=3")["callbacks"]
    assert len(callbacks) == len(later) + 1
    first, added = options_of(callbacks, "ContributionMaps")
    assert (first["layers"], first["every_n_epochs"], first["neurons"]) == (None, 2, 12)
    assert (added["layers"], added["every_n_epochs"], added["neurons"]) == (["block3"], None, 3)


def test_config_is_read_as_the_parser_reads_it(tmp_path):
    """For which a name that looks like the 31st of November is no date."""
    (tmp_path / "dated.yaml").write_text("name: 2026-11-31\ntrainer: {callbacks: []}")
    assert lists_replaced(["-c", "dated.yaml"]) == ["--trainer.callbacks=null", "-c", "dated.yaml"]


def test_config_that_appends_replaces_nothing(resolved):
    callbacks = resolved({"callbacks+": [{"class_path": PACKAGE + "PixelsPerNeuron"}]})["callbacks"]
    assert len(callbacks) == len(QUICK["callbacks"]) + 1
    assert options_of(callbacks, "ContributionMaps")[0]["layers"] == ["head"]


def test_config_without_lists_keeps_the_lists(resolved):
    trainer = resolved({"max_epochs": 3})
    assert options_of(trainer["callbacks"], "ContributionMaps")[0]["layers"] == ["head"]
    assert len(trainer["logger"]) == 2


@pytest.mark.parametrize("content", [None, "", "[1, 2]", "trainer: 3", "a: [", "trainer: {callbacks: X}"])
def test_values_that_are_no_lists_are_left_to_the_parser(tmp_path, content):
    if content is not None:
        (tmp_path / "odd.yaml").write_text(content)
    args = ["fit", "--config", "odd.yaml", "--trainer.callbacks", "X", "--name"]
    assert lists_replaced(args) == args
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\x00")
    assert lists_replaced(args) == args
