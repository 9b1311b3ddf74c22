import json

import pytest
import torch

from xinc_lightning.data import PanopticClip
from xinc_lightning.data.identity import clip_facts, other_clip


@pytest.fixture
def clip():
    return PanopticClip("mine", torch.rand(3, 3, 4, 6), indices=(0, 2, 4))


def test_a_clip_is_itself_wherever_it_is_decoded(clip):
    facts = json.loads(json.dumps(clip_facts(clip)))
    moved = PanopticClip("copy of mine", (clip.frames + 0.01).clamp(0, 1), indices=(0, 2, 4))
    assert other_clip(clip, facts) == other_clip(moved, facts) == ""


def test_other_frames_and_other_pictures_are_named(clip):
    facts = clip_facts(clip)
    assert other_clip(PanopticClip("mine", clip.frames, indices=(0, 1, 2)), facts) == (
        "frames 0 … 4 (3) of 'mine', not frames 0 … 2 (3)"
    )
    darker = PanopticClip("theirs", clip.frames / 2, indices=(0, 2, 4))
    assert other_clip(darker, facts) == "'mine', whose frames have other colours than those of 'theirs'"
