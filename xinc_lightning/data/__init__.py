"""Frames, panoptic segments, dataset readers, optical flow and the Lightning data module."""

from typing import TYPE_CHECKING, Any

from xinc_lightning.data.clip import VOID, ClipFiles, PanopticClip, Segment, load_clip
from xinc_lightning.data.datasets import ClipInfo, list_clips, open_clip
from xinc_lightning.data.errors import DataError
from xinc_lightning.data.flow import optical_flow
from xinc_lightning.data.identity import clip_facts, other_clip
from xinc_lightning.data.writing import encode_gif, encode_mp4, encode_png

if TYPE_CHECKING:
    from xinc_lightning.data.datamodule import ClipDataModule, ClipLoader, clip_of

__all__ = [
    "VOID",
    "ClipDataModule",
    "ClipFiles",
    "ClipInfo",
    "ClipLoader",
    "DataError",
    "PanopticClip",
    "Segment",
    "clip_facts",
    "clip_of",
    "encode_gif",
    "encode_mp4",
    "encode_png",
    "list_clips",
    "load_clip",
    "open_clip",
    "optical_flow",
    "other_clip",
]


def __getattr__(name: str) -> Any:
    """Import Lightning, which takes seconds, only for those who train."""
    if name in ("ClipDataModule", "ClipLoader", "clip_of"):
        from xinc_lightning.data import datamodule

        return getattr(datamodule, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
