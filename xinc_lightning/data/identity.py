"""Whether a clip is the one that a network was trained on."""

from collections.abc import Mapping
from typing import Any

from xinc_lightning.data.clip import PanopticClip

NEAR = 0.02
"""Maximum difference of mean colours between decoders and ways of resizing."""


def clip_facts(clip: PanopticClip) -> dict[str, Any]:
    """What identifies a clip wherever its files are: its name, indices of its frames, their mean colours."""
    colours = clip.frames.float().mean((2, 3)).cpu()
    return {
        "name": clip.name,
        "indices": list(clip.indices),
        "colours": [[round(value, 4) for value in frame] for frame in colours.tolist()],
    }


def other_clip(clip: PanopticClip, facts: Mapping[str, Any]) -> str:
    """How a clip differs from the one that these facts are of, as part of a sentence; empty if it does not."""
    here = clip_facts(clip)
    if here["indices"] != facts["indices"]:
        return f"frames {_span(facts['indices'])} of '{facts['name']}', not frames {_span(here['indices'])}"
    pairs = zip(here["colours"], facts["colours"], strict=True)
    if any(abs(a - b) > NEAR for one, other in pairs for a, b in zip(one, other, strict=True)):
        return f"'{facts['name']}', whose frames have other colours than those of '{here['name']}'"
    return ""


def _span(indices: list[int]) -> str:
    """Indices in short.

    >>> _span([0, 1, 2]), _span([7])
    ('0 … 2 (3)', '7')
    """
    return str(indices[0]) if len(indices) == 1 else f"{indices[0]} … {indices[-1]} ({len(indices)})"
