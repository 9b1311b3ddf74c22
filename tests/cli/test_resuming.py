"""A resumed run goes on as if nothing had happened, or is refused with every file left as it was."""

import csv
import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image

from xinc_lightning.callbacks import ContributionMaps, Sink
from xinc_lightning.callbacks.interruption import Interrupted
from xinc_lightning.cli.main import main
from xinc_lightning.runs.checkpoint_file import read_checkpoint, write_checkpoint

pytestmark = pytest.mark.usefixtures("tiny_configs")


def stopped(capsys, *args):
    """The exit code of a command that stops, and the last line it prints."""
    with pytest.raises(SystemExit) as stop:
        main(args)
    return stop.value.code, capsys.readouterr().err.strip().splitlines()[-1]


def bytes_of(folder):
    """Every file below a folder."""
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


TRAINED = Path("runs/tiny-001")
RESUME = ["fit", "--config", "tiny.yaml", "--ckpt_path", "last"]


@pytest.fixture
def trained(capsys):
    """A run of two of its epochs, and every file of it."""
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    capsys.readouterr()
    return bytes_of(TRAINED)


def test_a_refused_resume_leaves_every_file_as_it_was(trained, capsys):
    code, line = stopped(capsys, *RESUME, "--trainer.max_epochs", "1")
    assert code == 1
    assert "has been trained for 2 epochs, which is more than trainer.max_epochs=1" in line
    assert bytes_of(TRAINED) == trained


def test_what_fails_before_the_optimiser_is_restored_leaves_every_checkpoint_as_it_was(trained, monkeypatch):
    def fails(self, trainer, module):
        raise KeyError("between restoring and training")

    monkeypatch.setattr("xinc_lightning.callbacks.Report.on_fit_start", fails)
    with pytest.raises(KeyError):
        main([*RESUME, "--trainer.max_epochs", "4"])
    after = bytes_of(TRAINED / "checkpoints")
    assert after == bytes_of_folder(trained, "checkpoints")


def bytes_of_folder(files, folder):
    return {p.relative_to(folder): content for p, content in files.items() if p.parts[0] == folder}


def test_a_finished_run_says_so_and_nothing_is_touched(trained, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*RESUME, "--trainer.max_epochs", "2"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == "2 of 2 epochs are done; raise --trainer.max_epochs to continue.\n"
    assert bytes_of(TRAINED) == trained


def without_rows(prefixes):
    """Take rows with such scalars out of ``metrics.csv``, and the columns that are empty then."""
    path = TRAINED / "metrics.csv"
    rows = [*csv.DictReader(path.read_text().splitlines())]
    kept = [row for row in rows if not any(v and k.startswith(prefixes) for k, v in row.items())]
    assert len(kept) < len(rows)
    columns = [name for name in rows[0] if any(row[name] for row in kept)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)


KILLED = {
    "before the analyses": (True, ("final/", "maps/")),
    "before the analyses are logged": (False, ("final/", "maps/")),
    "before the result is logged": (False, ("final/",)),
    "before the report is written": (False, ()),
}


@pytest.mark.parametrize("moment", KILLED)
def test_a_run_killed_at_its_end_makes_up_for_it(moment, trained):
    no_analyses, rows = KILLED[moment]
    (TRAINED / "report.json").unlink()
    if no_analyses:
        shutil.rmtree(TRAINED / "analyses")
    if rows:
        without_rows(rows)
    main([*RESUME, "--trainer.max_epochs", "2"])
    again = bytes_of(TRAINED)
    assert again.keys() == trained.keys()
    assert again[Path("metrics.csv")].decode().split("\r\n") == trained[Path("metrics.csv")].decode().split(
        "\r\n"
    )


def test_a_run_that_is_trained_further_has_no_report_until_its_end(trained, monkeypatch):
    def fails(self, trainer, module):
        raise KeyError("in the first epoch")

    with monkeypatch.context() as patched:
        patched.setattr("xinc_lightning.callbacks.Report.on_train_epoch_end", fails)
        with pytest.raises(KeyError):
            main([*RESUME, "--trainer.max_epochs", "4"])
    assert not (TRAINED / "report.json").exists()
    main([*RESUME, "--trainer.max_epochs", "4"])
    assert (TRAINED / "report.json").exists()


def test_a_run_that_has_its_report_has_logged_everything(monkeypatch):
    logged = []

    def kill(path, content):
        logged.append(Path(TRAINED / "metrics.csv").read_text())

    monkeypatch.setattr("xinc_lightning.callbacks.report.write_json", kill)
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    assert logged == [(TRAINED / "metrics.csv").read_text()]
    assert "final/psnr" in logged[0]


def changed(change):
    """The last checkpoint, with something else in it."""
    path = TRAINED / "checkpoints/last.ckpt"
    checkpoint = read_checkpoint(path)
    change(checkpoint)
    write_checkpoint(checkpoint, path)


OTHER = {
    "weights missing": (lambda c: c["state_dict"].popitem(), "does not fit this network: it has no network."),
    "no optimiser": (
        lambda c: c.pop("optimizer_states"),
        "can be tested, but not resumed: it has no optimizer",
    ),
    "no version": (
        lambda c: c.pop("pytorch-lightning_version"),
        "cannot be restored; it is malformed, or of a",
    ),
    "state of another kind": (
        lambda c: c.update(callbacks=[1]),
        "is malformed, or of a version that this one",
    ),
}


@pytest.mark.parametrize("kind", OTHER)
def test_checkpoints_of_other_versions_are_refused_in_one_line(kind, trained, capsys):
    change, message = OTHER[kind]
    changed(change)
    before = bytes_of(TRAINED / "checkpoints")
    code, line = stopped(capsys, *RESUME, "--trainer.max_epochs", "4")
    assert code == 1
    assert message in line
    assert bytes_of(TRAINED / "checkpoints") == before
    if kind == "no optimiser":
        main(["test", "--config", "tiny.yaml", "--ckpt_path", "last"])


@pytest.mark.parametrize("option", ["--model.warmup", "--model.learning_rate"])
def test_another_schedule_than_the_checkpoints_is_refused(option, trained, capsys):
    code, line = stopped(capsys, *RESUME, "--trainer.max_epochs", "4", option, "0.05")
    assert code == 1
    assert f"{option[2:]} is 0.05 in this command but " in line
    assert bytes_of(TRAINED) == trained


@pytest.mark.parametrize("command", ["fit", "test"])
def test_another_clip_of_the_same_shape_is_refused(command, trained, tiny_clip, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    for path in tiny_clip.iterdir():
        Image.open(path).point(lambda value: 255 - value).save(other / path.name)
    args = [command, *RESUME[1:], "--trainer.max_epochs", "4", "--data.path", str(other)]
    code, line = stopped(capsys, *args)
    assert code == 1
    assert "was trained on 'tiny clip', whose frames have other colours than those of 'other'" in line
    assert bytes_of(TRAINED) == trained


@pytest.mark.parametrize(
    "name", ["{}", "../../../victim.txt", "../victim.txt", "best-epoch=0001-psnr=9.ckpt"]
)
def test_names_in_a_checkpoint_are_never_paths(name, trained, tmp_path):
    victims = [tmp_path / "victim.txt", Path("victim.txt"), TRAINED / "victim.txt"]
    for victim in victims:
        victim.write_text("somebody's")
    path = TRAINED / "checkpoints" / "last.ckpt"
    checkpoint = read_checkpoint(path)
    (key,) = (key for key in checkpoint["callbacks"] if key.startswith("Checkpoints"))
    checkpoint["callbacks"][key]["best"] = {name.format(victims[0]): -99.0}
    write_checkpoint(checkpoint, path)
    main([*RESUME, "--trainer.max_epochs", "4"])
    assert [victim.read_text() for victim in victims] == ["somebody's"] * 3


def test_results_whose_writing_is_interrupted_are_made_up_for(monkeypatch, capsys):
    close = Sink.close

    def interrupted(self):
        if self.epoch == 2 and not hit:
            hit.append(True)
            raise Interrupted(signal.SIGTERM)
        close(self)

    hit = []
    monkeypatch.setattr(Sink, "close", interrupted)
    assert stopped(capsys, "fit", "--config", "tiny.yaml")[0] == 143
    assert not (TRAINED / "analyses" / "epoch=0002").exists()
    main(RESUME)
    assert (TRAINED / "analyses" / "epoch=0002" / "reconstructions.png").is_file()


def test_the_trained_network_is_saved_before_its_last_analyses(monkeypatch):
    original, saved = ContributionMaps.analyse, {}

    def analyse(self, context, sink):
        last = Path("runs/tiny-001/checkpoints/last.ckpt")
        saved[sink.epoch] = read_checkpoint(last)["trained_epochs"] if last.exists() else None
        original(self, context, sink)

    monkeypatch.setattr(ContributionMaps, "analyse", analyse)
    main(["fit", "--config", "tiny.yaml", "--trainer.max_epochs", "2"])
    assert saved == {2: 2}
