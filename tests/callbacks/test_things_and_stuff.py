"""ThingsAndStuff on a tiny network, and on clips that it cannot analyse."""

import json
from dataclasses import replace

import numpy as np
import pytest

from xinc_lightning.callbacks import ThingsAndStuff


def test_a_nerv_is_followed_over_the_frames(scene, nerv, results_of):
    folder = results_of(ThingsAndStuff(), nerv, scene.clip)
    assert (folder / "things_and_stuff.png").is_file()
    saved = np.load(folder / "things_and_stuff" / "block1.npz")
    assert saved["density"].shape == (2, 4, 3)
    assert saved["segments"].tolist() == ["wall", "astronaut", "cat"]
    scalars = json.loads((folder / "scalars.json").read_text())["scalars"]
    assert scalars["things_and_stuff/head/temporal_variation"] > 0


def test_ffn_is_analysed_at_one_frame(scene, ffn, results_of):
    folder = results_of(ThingsAndStuff(neurons=[0, 2], layers=["layer3"]), ffn, scene.clip)
    saved = np.load(folder / "things_and_stuff" / "layer3.npz")
    assert saved["density"].shape == (2, 1, 3)
    assert saved["frames"].tolist() == [0]


def test_only_annotated_frames_count(scene, nerv, results_of):
    masks = (None, *scene.clip.masks[1:3], None)
    folder = results_of(ThingsAndStuff(layers=["head"]), nerv, replace(scene.clip, masks=masks))
    assert np.load(folder / "things_and_stuff" / "head.npz")["frames"].tolist() == [1, 2]


def test_clip_without_masks_warns_once(scene, nerv, results_of, recwarn):
    callback, clip = ThingsAndStuff(), replace(scene.clip, masks=())
    for epoch in (1, 2):
        folder = results_of(callback, nerv, clip, epoch)
    said = [str(w.message) for w in recwarn if "skipped" in str(w.message)]
    assert said == ["ThingsAndStuff is skipped: the clip 'scene' has no panoptic masks."]
    assert not [*folder.rglob("*.png")]


def test_zero_frames_are_rejected():
    with pytest.raises(ValueError, match="frames must be at least 1, got 0"):
        ThingsAndStuff(frames=0)
