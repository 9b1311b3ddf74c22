"""FlowVsFluctuation on a tiny network, and on what it cannot analyse."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from xinc_lightning.callbacks import FlowVsFluctuation
from xinc_lightning.canvas import Canvas


def test_steps_are_those_of_neighbouring_frames(scene, nerv, results_of):
    folder = results_of(FlowVsFluctuation(steps=[1, 3], max_neurons=None), nerv, scene.clip)
    assert (folder / "flow_vs_fluctuation.png").is_file()
    saved = np.load(folder / "flow_vs_fluctuation" / "block3.npz")
    sizes = Canvas(nerv.network).at(torch.arange(4) / 4)["block3"].maps(range(saved["neurons"])).abs()
    expected = sizes.double().diff(dim=1).abs().sum(0)[[0, 2]]
    np.testing.assert_allclose(saved["fluctuation"], expected, rtol=1e-4, atol=1e-7)
    scalars = json.loads((folder / "scalars.json").read_text())["scalars"]
    for layer in ("block1", "block2", "block3", "head"):
        assert 0 <= scalars[f"flow_vs_fluctuation/{layer}/auc"] <= 1


def test_large_layers_are_sampled_and_flow_is_computed_once(scene, nerv, results_of, monkeypatch):
    callback = FlowVsFluctuation(max_neurons=5)
    folder = results_of(callback, nerv, scene.clip)
    assert np.load(folder / "flow_vs_fluctuation" / "block1.npz")["neurons"] == 5
    monkeypatch.setattr("xinc_lightning.callbacks.flow_vs_fluctuation.optical_flow", None)
    results_of(callback, nerv, scene.clip)


@pytest.mark.parametrize(
    ("kind", "why"), [("ffn", "every frame has its own FFN"), ("nerv", "has only one frame")]
)
def test_clip_without_motion_warns_once(kind, why, scene, request, results_of, recwarn):
    module, clip = request.getfixturevalue(kind), scene.clip
    if kind == "nerv":
        clip = replace(clip, frames=clip.frames[:1], masks=clip.masks[:1], indices=(0,))
    callback = FlowVsFluctuation()
    for epoch in (1, 2):
        results_of(callback, module, clip, epoch)
    said = [str(w.message) for w in recwarn if "skipped" in str(w.message)]
    assert len(said) == 1
    assert why in said[0]


def test_step_without_a_previous_frame_is_rejected():
    with pytest.raises(ValueError, match=r"FlowVsFluctuation: every step is the later frame .* got \[0\]"):
        FlowVsFluctuation(steps=[0])
