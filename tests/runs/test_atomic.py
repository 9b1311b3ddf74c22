"""A file or folder is whole or not there, wherever the process dies."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from xinc_lightning.runs.atomic import OutputError, save, tidy, whole_folder, write_atomically

WATCHED = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir"}


class Killed(BaseException):
    """What a process does no more after it was killed."""


class Killer:
    """Kills at the n-th step on the file system, and again at each step after that."""

    def __init__(self):
        self.left = None
        sys.addaudithook(self)  # for ever, but quiet while nothing is left

    def __call__(self, event, arguments):
        if self.left is not None and event in WATCHED:
            self.left -= 1
            if self.left < 0:
                raise Killed


@pytest.fixture(scope="module")
def killer():
    return Killer()


def write(folder, text):
    with whole_folder(folder) as aside:
        (aside / "maps").mkdir()
        (aside / "maps" / "head.txt").write_text(text)
        (aside / "scalars.txt").write_text(text)


def content(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.txt")}


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("killed_again", [False, True])
def test_file_is_intact_when_killed_at_each_step(tmp_path, killer, before, killed_again):
    texts = {"maps/head.txt", "scalars.txt"}
    survived = 0
    for steps in range(200):
        folder = tmp_path / f"{steps}" / "epoch=0001"
        if before:
            write(folder, before)
        killer.left = steps
        try:
            write(folder, "new")
        except Killed:
            killed = True
        else:
            killed = False
        killer.left = None
        if folder.exists():
            assert content(folder) in [dict.fromkeys(texts, text) for text in ("old", "new")]
        if killed_again:  # while setting right what the first left behind
            killer.left = steps % 7
            with suppress(Killed):
                tidy(folder.parent)
            killer.left = None
        tidy(folder.parent)
        assert [p.name for p in folder.parent.glob("*")] in ([], ["epoch=0001"])
        if before:
            assert folder.exists(), "neither the old nor the new one is there"
        if folder.exists():
            assert content(folder) in [dict.fromkeys(texts, text) for text in ("old", "new")]
        if not killed:
            assert content(folder) == dict.fromkeys(texts, "new")
            break
        survived += 1
        write(folder, "later")
        assert content(folder) == dict.fromkeys(texts, "later")
    assert survived >= 15
    assert not killed


def test_a_second_try_without_tidying_works(tmp_path, killer):
    for steps in range(60):
        folder = tmp_path / f"{steps}" / "epoch=0001"
        write(folder, "old")
        killer.left = steps
        with suppress(Killed):
            write(folder, "new")
        killer.left = None
        write(folder, "newest")
        assert content(folder) == dict.fromkeys(("maps/head.txt", "scalars.txt"), "newest")
        assert [p.name for p in folder.parent.glob("*")] == ["epoch=0001"]


def test_full_disk_keeps_the_old_file_and_removes_the_new(tmp_path):
    folder = tmp_path / "epoch=0001"
    write(folder, "old")

    def fill_the_disk():
        with whole_folder(folder) as aside:
            (aside / "half.txt").write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fill_the_disk()
    assert [p.name for p in tmp_path.iterdir()] == ["epoch=0001"]
    assert set(content(folder).values()) == {"old"}


def test_nothing_to_tidy(tmp_path):
    tidy(tmp_path / "not there")
    assert not (tmp_path / "not there").exists()


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    write_atomically(path, b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


WRITER = """
import sys
from pathlib import Path
from xinc_lightning.runs.atomic import write_atomically
print("ready", flush=True)
for n in range(10**9):
    write_atomically(Path(sys.argv[1]), bytes([n % 251]) * 3_000_000)
"""


@pytest.mark.parametrize("folder", ["tmp_path", "/dev/shm"])
def test_killed_writer_leaves_a_whole_file(folder, tmp_path, request):
    """Also on a disk that is not that of the folder for temporary files."""
    if folder != "tmp_path" and not os.access(folder, os.W_OK):
        pytest.skip(f"there is no {folder}")
    path = (tmp_path if folder == "tmp_path" else Path(folder) / f"xinc-{os.getpid()}") / "file"
    try:
        for wait in (0.02, 0.05, 0.09):
            writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
            writer.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(wait)
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            if path.exists():  # in the first round perhaps not
                content = path.read_bytes()
                assert len(content) == 3_000_000
                assert len(set(content)) == 1
    finally:
        if folder != "tmp_path":
            for left in path.parent.glob(".*"):
                left.unlink()
            path.unlink()
            path.parent.rmdir()


def test_a_link_in_a_files_place_is_replaced_not_followed(tmp_path):
    ours = tmp_path / "ours.txt"
    ours.write_text("kept")
    for planted in ("report.html", ".report.html.unfinished"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / planted).symlink_to(ours)
        write_atomically(tmp_path / "run" / "report.html", b"page")
    assert (tmp_path / "run" / "report.html").read_bytes() == b"page"
    assert not (tmp_path / "run" / "report.html").is_symlink()
    assert ours.read_text() == "kept"


@pytest.mark.parametrize("place", ["file/page.html", "folder", "/proc/nowhere/page.html"])
def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path, place):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"^'.*' cannot be written: .*\.$"):
        save(tmp_path / place, b"x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
