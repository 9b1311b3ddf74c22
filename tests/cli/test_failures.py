"""A mistake of a user's is one line; a bug in a user's own classes, or in ours, keeps its traceback."""

import errno
import subprocess
import sys
import textwrap

import pytest

from xinc_lightning.cli.failures import configuring, running
from xinc_lightning.cli.main import main
from xinc_lightning.errors import UserError

TINY = ["fit", "--config", "quick.yaml", "--data.resize", "[16, 32]", "--data.frames", "0:2"]
TINY += ["--model.target_bpp", "300", "--trainer.max_epochs", "1", "--trainer.logger", "null"]


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """Somebody's own network and analysis, each with a bug, in a module that a config can name."""
    (tmp_path / "own.py").write_text(
        textwrap.dedent(
            """
            from xinc_lightning.callbacks import AnalysisCallback
            from xinc_lightning.modules import NeRVModule


            class Network(NeRVModule):
                def render(self, positions):
                    raise ValueError("a bug in render")


            class Analysis(AnalysisCallback):
                def __init__(self, built: bool = True, **options):
                    super().__init__(**options)
                    if not built:
                        raise ValueError("a bug in a constructor")

                def check(self, module, clip):
                    if self.epochs:
                        raise OSError("a bug in check")

                def analyse(self, context, sink):
                    raise KeyError("a bug in analyse")
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["xinc"])
    yield
    sys.modules.pop("own", None)


@pytest.mark.parametrize(
    ("args", "bug"),
    [
        (["--model.class_path", "own.Network"], "a bug in render"),
        (["--trainer.callbacks", "[{class_path: own.Analysis, init_args: {built: false}}]"], "a constructor"),
        (["--trainer.callbacks", "[{class_path: own.Analysis, init_args: {epochs: [1]}}]"], "a bug in check"),
    ],
)
def test_bug_in_a_users_class_propagates_unchanged(args, bug):
    with pytest.raises((ValueError, OSError), match=bug) as caught:
        main([*TINY, *args])
    assert not isinstance(caught.value, UserError)
    assert caught.traceback[-1].path.name == "own.py"


def test_bug_in_a_strict_analysis_shows_traceback_then_one_line(capsys):
    with pytest.raises(SystemExit) as stop:
        main([*TINY, "--trainer.callbacks", "[{class_path: own.Analysis, init_args: {strict: true}}]"])
    shown = capsys.readouterr().err
    assert stop.value.code == 1
    assert "Traceback" in shown
    assert 'own.py", line' in shown
    assert shown.endswith("xinc: error: Analysis failed at epoch 1: KeyError: 'a bug in analyse'.\n")


def test_bug_exits_with_traceback_and_code_1(tmp_path, xinc):
    done = xinc(*TINY, "--model.class_path", "own.Network")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ValueError: a bug in render")
    assert "Traceback" in done.stderr


def test_traceback_of_a_user_error_is_shown_on_request(capsys, monkeypatch):
    args = [*TINY, "--trainer.callbacks", "[{class_path: ContributionMaps, init_args: {neurons: -1}}]"]
    line = "xinc: error: ContributionMaps: neurons must be at least 1, got -1.\n"
    for wanted in (False, True):
        if wanted:
            monkeypatch.setenv("XINC_TRACEBACK", "1")
        with pytest.raises(SystemExit):
            main(args)
        shown = capsys.readouterr().err
        assert shown.endswith(line)
        assert ("Traceback" in shown) is wanted
        assert wanted or shown == line


@pytest.mark.parametrize(
    "args",
    [
        ["--trainer.devices", "none"],
        ["--trainer.strategy", "nothing"],
        ["--trainer.accelerator", "gpu", "--trainer.devices", "99"],
    ],
)
def test_config_error_of_lightning_is_one_line(args, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*TINY, *args])
    assert stop.value.code in (1, 2)
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_full_disk_is_one_line_and_a_missing_file_of_the_user_is_not(tmp_path):
    with (
        pytest.raises(UserError, match="No space left on device: '/x'"),
        running(tmp_path),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "/x")
    with pytest.raises(UserError, match="Permission denied"), running(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "metrics.csv"))
    with pytest.raises(FileNotFoundError), running(tmp_path):
        raise FileNotFoundError(errno.ENOENT, "No such file", "/somebody/else's")


def test_user_error_wrapped_by_the_parser_is_unwrapped():
    def wrapped():
        try:
            raise UserError("too small")
        except ValueError as error:
            raise RuntimeError("many lines of explanation") from error

    with pytest.raises(UserError, match=r"^too small$"), configuring():
        wrapped()


def test_other_exceptions_are_reported_by_python():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from xinc_lightning.cli.console import one_line_errors as e\nwith e(): 1 / 0",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip().splitlines()[-1]) == (
        1,
        "ZeroDivisionError: division by zero",
    )
