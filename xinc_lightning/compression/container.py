r"""The file of a clip: what is in it, and the checks on reading one that may be damaged or hostile.

magic  b"\x89XINC\r\n\x1a"           8 bytes
version                          1 byte
length of the description        2 bytes
description                      JSON, deflated: network, options, clip
weights                          see ``network.py``
checksum                         8 bytes of BLAKE2 over everything before
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from xinc_lightning.errors import UserError

MAGIC = b"\x89XINC\r\n\x1a"
VERSION = 1
"""Raised whenever a reader of the version before would misread a file."""

CHECKSUM = 8
"""Bytes of the checksum."""

PREFIX = "<8sBH"
LONGEST = 1 << 20
"""Bytes of a description, inflated."""


class ClipFileError(UserError):
    """A file cannot be decoded; the message continues a sentence that begins with its name."""


def pack(description: Mapping[str, Any], weights: bytes) -> bytes:
    """A file of a description and coded weights.

    Raises:
        UserError: if the description is too long.
    """
    text = json.dumps(description, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = packer.compress(text) + packer.flush()
    if len(text) > LONGEST or len(deflated) >= 1 << 16:
        raise UserError(f"the description of the clip takes {len(text):,} bytes; it may take {LONGEST:,}.")
    body = struct.pack(PREFIX, MAGIC, VERSION, len(deflated)) + deflated + weights
    return body + _checksum(body)


def unpack(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Description and coded weights of a file.

    Raises:
        ClipFileError: if it is damaged, no such file, or of a newer version.
    """
    start = struct.calcsize(PREFIX)
    if not content.startswith(MAGIC[: len(content)]) or not content:
        raise ClipFileError("is not a clip of xinc encode")
    if len(content) > len(MAGIC) and content[len(MAGIC)] > VERSION:
        raise ClipFileError(
            f"is of version {content[len(MAGIC)]} of the format, newer than {VERSION}; update xinc_lightning"
        )
    body, checksum = content[:-CHECKSUM], content[-CHECKSUM:]
    if len(body) < start or _checksum(body) != checksum:
        raise ClipFileError("is damaged or cut short: its content does not match its checksum")
    _, _, length = struct.unpack_from(PREFIX, body)
    inflater = zlib.decompressobj(-15)
    try:
        text = inflater.decompress(body[start : start + length], LONGEST)
        description = json.loads(text)
    except (zlib.error, ValueError, RecursionError):
        raise ClipFileError("has a description that cannot be read") from None
    if not inflater.eof or not isinstance(description, dict):
        raise ClipFileError("has a description that cannot be read")
    return description, body[start + length :]


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=CHECKSUM).digest()
