"""The file around the weights."""

import struct
import zlib

import numpy as np
import pytest

from xinc_lightning.compression.container import (
    CHECKSUM,
    MAGIC,
    VERSION,
    ClipFileError,
    _checksum,
    pack,
    unpack,
)

DESCRIPTION = {"module": "NeRVModule", "clip": {"name": "bunny", "indices": [0, 1]}}


def test_what_is_packed_is_unpacked():
    assert unpack(pack(DESCRIPTION, b"weights")) == (DESCRIPTION, b"weights")


def test_every_flipped_bit_and_every_cut_is_refused():
    content = pack(DESCRIPTION, bytes(range(60)))
    for place in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(ClipFileError):
            unpack(bytes(flipped))
    for length in range(len(content)):
        with pytest.raises(ClipFileError):
            unpack(content[:length])
    with pytest.raises(ClipFileError, match="checksum"):
        unpack(content + b"more")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(1000)])
def test_foreign_files_are_named_as_such(content):
    with pytest.raises(ClipFileError, match="is not a clip of xinc encode"):
        unpack(content)


def test_newer_version_is_named():
    content = bytearray(pack(DESCRIPTION, b""))
    content[len(MAGIC)] = VERSION + 1
    with pytest.raises(ClipFileError, match=f"version {VERSION + 1} of the format, newer than {VERSION}"):
        unpack(bytes(content))


@pytest.mark.parametrize(
    "text", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000, b"0" * (1 << 21)], ids=lambda text: str(text[:8])
)
def test_wrong_descriptions_with_a_right_checksum_are_refused(text):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = packer.compress(text) + packer.flush()
    body = struct.pack("<8sBH", MAGIC, VERSION, len(deflated)) + deflated
    with pytest.raises(ClipFileError, match="description"):
        unpack(body + _checksum(body))


def test_random_bytes_after_the_magic_are_refused():
    random = np.random.default_rng(0)
    for _ in range(200):
        with pytest.raises(ClipFileError):
            unpack(MAGIC + bytes([VERSION]) + random.bytes(int(random.integers(CHECKSUM, 200))))
