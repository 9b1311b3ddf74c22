"""A network without chosen neurons renders what the canvas says it does."""

import json

import pytest
import torch

from xinc_lightning.canvas import Canvas, picture_without
from xinc_lightning.errors import UserError
from xinc_lightning.pruning import read_selection, shares_kept, without_neurons

SELECTION = {"run": "nerv-001", "epoch": 3, "frame": 0, "removed": {"head": [0, 4]}}


@pytest.mark.parametrize("neuron", ["input", "output", "weight"])
@pytest.mark.parametrize(
    ("kind", "removed"),
    [
        ("nerv", {"head": [0, 4], "block1": [2, 3, 9]}),
        ("nerv", {"block2": [0, 1, 1]}),
        ("ffn", {"layer2": [1, 2], "layer3": [0]}),
        ("siren", {"layer1": [0], "layer3": [1, 2], "layer5": [0]}),
        ("hnerv", {"stem": [0, 3], "block2": [1, 5], "head": [0, 4]}),
    ],
)
def test_the_picture_is_the_canvas_without_them(kind, removed, neuron, request):
    module = request.getfixturevalue(kind)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    pruned, _ = without_neurons(module, removed, neuron)
    for position in range(2):
        network, inputs = module.canvas_inputs(position)
        neurons = {name: torch.tensor(some) for name, some in removed.items()}
        expected = picture_without(Canvas(network, neuron=neuron), neurons, inputs)
        found = pruned.reconstruct([position])[0].detach()
        shown = expected[0] if expected.ndim == 4 else expected.movedim(-1, 0)
        torch.testing.assert_close(found, shown, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in before.items())


def test_what_feeds_only_them_goes_with_them(nerv):
    """All kernels of an input channel: the outputs before it are useless, and their weights are zero, too."""
    outputs = nerv.layer_weights()[-1].kernels.shape[1]
    pruned, masks = without_neurons(nerv, {"head": [*range(outputs)]})
    before = pruned.layer_weights()[-2]
    assert before.kernels.abs().sum((0, 2, 3)).eq(0).any()
    kernels, parameters = shares_kept(nerv, masks)
    assert kernels < 1
    assert parameters < 1


@pytest.mark.parametrize(
    ("removed", "part"),
    [
        ({"haed": [0]}, "did you mean 'head'?"),
        ({"stem": [0]}, "there is no layer 'stem'"),
        ({"head": [10**9]}, "no neuron 1000000000 in head; they are numbered 0 …"),
        ({"head": [-1]}, "no neuron -1 in head"),
    ],
)
def test_layers_and_neurons_that_there_are_not(nerv, removed, part):
    with pytest.raises(UserError, match=part.replace("?", r"\?")):
        without_neurons(nerv, removed)


def test_a_selection_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "selection.json"
    path.write_text(json.dumps(SELECTION))
    assert read_selection(path).model_dump() == SELECTION


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        json.dumps({**SELECTION, "epoch": -1}),
        json.dumps({**SELECTION, "removed": {"head": [1.5]}}),
        json.dumps({**SELECTION, "removed": {"head": 3}}),
        json.dumps({**SELECTION, "more": 1}),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "selection.json"
    path.write_text(content)
    with pytest.raises(UserError, match="is no selection of neurons as `xinc explore` exports it"):
        read_selection(path)


def test_a_file_that_there_is_not(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_selection(tmp_path / "none.json")
