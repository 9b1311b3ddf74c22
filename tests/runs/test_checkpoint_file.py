"""Checkpoint files: whole or not there, checked before they are read, without code."""

import enum
import hashlib
import io
import os
import pickle
import struct
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xinc_lightning.modules import FFNModule
from xinc_lightning.runs.checkpoint_file import (
    MARK,
    TRAILER,
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)

CONTENT = {"module": "NeRVModule", "hyper_parameters": {"a": 1}, "trained_epochs": 3}


def checkpoint(**more):
    return {**CONTENT, "state_dict": {"network.weight": torch.arange(300.0)}, **more}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "last.ckpt"
    write_checkpoint(checkpoint(), path)
    return path.read_bytes()


def assert_refused(path, *parts):
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(path)
    for part in (f"'{path}'", *parts):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "last.ckpt"
    write_checkpoint(checkpoint(), path)
    read = read_checkpoint(path)
    assert torch.equal(read.pop("state_dict")["network.weight"], torch.arange(300.0))
    assert read == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["last.ckpt"]


def test_other_tools_open_it(tmp_path):
    write_checkpoint(checkpoint(), tmp_path / "last.ckpt")
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["trained_epochs"] == 3
    assert torch.load(tmp_path / "last.ckpt", weights_only=True, mmap=True)["trained_epochs"] == 3
    assert zipfile.ZipFile(tmp_path / "last.ckpt").testzip() is None


class Colour(str, enum.Enum):  # noqa: UP042  (that is what Lightning has, too)
    RED = "red"


def test_only_plain_values_and_tensors_are_stored(tmp_path):
    odd = {
        "path": tmp_path,
        "scalar": np.float32(1.5),
        "array": np.arange(3),
        "names": [Colour.RED, (1, None, True)],
        np.int64(3): torch.nn.Parameter(torch.ones(2)),
    }
    write_checkpoint(checkpoint(odd=odd), tmp_path / "last.ckpt")
    read = read_checkpoint(tmp_path / "last.ckpt")["odd"]
    assert read["path"] == str(tmp_path)
    assert read["scalar"] == 1.5
    assert read["array"].tolist() == [0, 1, 2]
    assert read["names"] == ["red", (1, None, True)]
    assert type(read["names"][0]) is str
    assert type(read[3]) is torch.Tensor
    with pytest.raises(
        TypeError, match=r"checkpoint\['odd'\]\[1\] is a PurePosixPath; checkpoints hold only plain"
    ):
        write_checkpoint(checkpoint(odd=[1, PurePosixPath("x")]), tmp_path / "last.ckpt")
    assert read_checkpoint(tmp_path / "last.ckpt")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_found(written, data):
    flipped = bytearray(written)
    flipped[data.draw(st.integers(0, len(written) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "last.ckpt"
        path.write_bytes(flipped)
        assert_refused(path)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_truncation_is_found(written, data):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "last.ckpt"
        path.write_bytes(written[: data.draw(st.integers(0, len(written) - 1))])
        assert_refused(path)


def test_torch_itself_accepts_a_flipped_bit(written, tmp_path):
    """Why there is a digest: this is the middle of the weights, and plain ``torch.load`` has no complaint."""
    middle = written.index(torch.arange(300.0).numpy().tobytes()) + 600
    path = tmp_path / "last.ckpt"
    path.write_bytes(written[:middle] + bytes([written[middle] ^ 4]) + written[middle + 1 :])
    loaded = torch.load(path, weights_only=True)["state_dict"]["network.weight"]
    assert not torch.equal(loaded, torch.arange(300.0))
    assert_refused(path, "is damaged: its content does not match its digest")


class Hostile:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


def test_hostile_pickle_is_rejected(tmp_path):
    """Also one that carries a digest: anybody can compute one."""
    from xinc_lightning.runs import checkpoint_file

    canary = tmp_path / "canary"
    torch.save(checkpoint(extra=Hostile(canary)), tmp_path / "plain.ckpt")
    (tmp_path / "bare.ckpt").write_bytes(pickle.dumps(Hostile(canary)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint_file, "plain", lambda value, where: value)
        write_checkpoint(checkpoint(extra=Hostile(canary)), tmp_path / "digest.ckpt")
    assert_refused(tmp_path / "plain.ckpt", "there is no digest")
    assert_refused(tmp_path / "bare.ckpt", "is not a checkpoint")
    assert_refused(tmp_path / "digest.ckpt", "is refused: it holds more than plain values and tensors")
    assert not canary.exists()
    torch.load(tmp_path / "digest.ckpt", weights_only=False)
    assert canary.exists(), "the trap is one"


@pytest.mark.parametrize("name", ["pickle", "instantiator"])
def test_hostile_files_are_rejected_by_the_modules_too(name, tmp_path):
    """Loaded without the command line."""
    canary = tmp_path / "canary"
    shape = {"target_parameters": 400, "clip_shape": [1, 4, 6]}
    hostile = {
        "pickle": checkpoint(extra=Hostile(canary)),
        "instantiator": checkpoint(hyper_parameters={**shape, "_instantiator": "pathlib.Path.touch"}),
    }
    torch.save({"pytorch-lightning_version": "2.6.6", **hostile[name]}, tmp_path / "hostile.ckpt")
    with pytest.raises((pickle.UnpicklingError, ValueError), match=r"(?i)weights.only|allowlist"):
        FFNModule.load_from_checkpoint(tmp_path / "hostile.ckpt")
    assert not canary.exists()


@pytest.mark.parametrize("key", ["_instantiator", "_class_path"])
@pytest.mark.parametrize("where", ["hyper_parameters", "datamodule_hyper_parameters"])
def test_hostile_hyperparameters_are_rejected(key, where, tmp_path):
    write_checkpoint(checkpoint(**{where: {key: "os.system"}}), tmp_path / "last.ckpt")
    assert_refused(tmp_path / "last.ckpt", "is refused: it names what is to be called")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is an empty file"),
        (b"<html>404</html>", "is not a checkpoint: it begins with b'<html>404</html>'"),
        (b"PK\3\4 cut", "was cut short"),
    ],
)
def test_foreign_files_are_named_and_so_is_the_newest_good_one(content, part, tmp_path):
    for age, name in enumerate(["last.ckpt", "best-epoch=0020.ckpt", "best-epoch=0010.ckpt"]):
        write_checkpoint(checkpoint(), tmp_path / name)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    (tmp_path / "last.ckpt").write_bytes(content)
    (tmp_path / "newer.ckpt").write_bytes(content)
    assert_refused(
        tmp_path / "last.ckpt", part, f"newest good checkpoint beside it is '{tmp_path}/best-epoch=0020.ckpt'"
    )


def test_checkpoint_of_something_else(tmp_path):
    write_checkpoint({"state_dict": {}}, tmp_path / "last.ckpt")
    assert_refused(tmp_path / "last.ckpt", "is not a checkpoint of an implicit neural representation")


def test_folder_instead_of_a_file(tmp_path):
    assert_refused(tmp_path, "is a folder")


def test_what_is_no_regular_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.ckpt")
    assert_refused(tmp_path / "pipe.ckpt", "is not a regular file")
    with (tmp_path / "sparse.ckpt").open("wb") as file:
        file.truncate(1 << 40)
    assert_refused(tmp_path / "sparse.ckpt", "is larger than 8,000 MB")
    assert_refused(tmp_path / "none.ckpt", "does not exist")


def test_a_link_to_a_checkpoint_is_followed(tmp_path):
    write_checkpoint(checkpoint(), tmp_path / "a.ckpt")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.ckpt").symlink_to(tmp_path / "a.ckpt")
    assert read_checkpoint(tmp_path / "elsewhere" / "b.ckpt")["module"]


def test_a_small_file_of_a_large_checkpoint_is_refused(tmp_path):
    """200 MB of zeros in 0.2 MB, with a digest: anybody can compute one."""
    torch.save(checkpoint(extra=torch.zeros(50_000_000)), tmp_path / "plain.ckpt")
    squeezed = io.BytesIO()
    with (
        zipfile.ZipFile(tmp_path / "plain.ckpt") as plain,
        zipfile.ZipFile(squeezed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in plain.namelist():
            archive.writestr(name, plain.read(name))
    content = squeezed.getvalue()[:-2] + struct.pack("<H", TRAILER)
    (tmp_path / "bomb.ckpt").write_bytes(content + MARK + hashlib.sha256(content).hexdigest().encode())
    assert (tmp_path / "bomb.ckpt").stat().st_size < 1_000_000
    (tmp_path / "plain.ckpt").unlink()
    assert_refused(tmp_path / "bomb.ckpt", "is refused: it is compressed")
