"""Weights beside the analyses of an epoch, as safetensors: what a network is, without what is needed to train on.

Other tools open the file as any other of its kind. Its metadata hold what a checkpoint says of the network, and a
digest.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from xinc_lightning.runs.untrusted import UnreadableError

KEY = "xinc"
"""Of the metadata; with more than one key, equal networks would have files in which their order differs."""

MOST_HEADER = 1 << 24
"""Bytes of the header with the metadata."""


def weights_bytes(state: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """Content of a file of weights.

    Args:
        state: of the module, with its names.
        about: the rest of a checkpoint that is not of training, as plain values.

    Raises:
        TypeError: if ``about`` holds anything but plain values.
    """
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    text = json.dumps(about, sort_keys=True)
    return save(tensors, {KEY: json.dumps({"about": text, "sha256": _digest(tensors, text)})})


def parse_weights(content: bytes) -> dict[str, Any]:
    """A checkpoint without what is of training: ``state_dict`` and all that was said ``about`` the network.

    Raises:
        UnreadableError: if it is not an intact file of weights that this package wrote.
    """
    try:
        tensors = load(content)
        size = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + min(size, MOST_HEADER)]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError(f"is no intact file of weights ({type(error).__name__})") from None
    try:
        written = json.loads(metadata[KEY])
        text, digest = written["about"], written["sha256"]
    except (KeyError, ValueError, TypeError, RecursionError):
        raise UnreadableError("holds weights that were not written by xinc_lightning") from None
    if digest != _digest(tensors, text):
        raise UnreadableError("is damaged: its content does not match its digest")
    about = json.loads(text)
    if not isinstance(about, dict) or not {"module", "hyper_parameters"} <= about.keys():
        raise UnreadableError("does not say which network its weights are of")
    return {**about, "state_dict": tensors}


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """Of names, types, shapes and bytes, whatever the order in the file."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
