"""What the server answers is what the Python API computes, and what makes no sense is refused in a sentence."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from math import log10
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from xinc_lightning.canvas import Canvas


@pytest.fixture(scope="module")
def address(runs, scene, serve):
    with serve([runs.nerv, runs.ffn], scene.clip) as (address, _):
        yield address


def ask(address, path, content=None, **headers):
    """Status and parsed answer."""
    data = None if content is None else json.dumps(content).encode()
    headers = {"Content-Type": "application/json", **headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, data, headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def good(*arguments, **options):
    status, answer = ask(*arguments, **options)
    assert status == 200, answer
    return answer


def floats(answer):
    maps = np.frombuffer(base64.b64decode(answer["values"]), np.float32)
    return maps.reshape(-1, answer["rows"], answer["cols"])


def picture(url):
    return np.array(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def layers_of(runs, name, position):
    network, inputs = runs.modules[name].eval().canvas_inputs(position)
    return Canvas(network).at(inputs)


@pytest.mark.parametrize(("name", "number"), [("nerv", 0), ("ffn", 1)])
@pytest.mark.parametrize("position", [0, 2])
def test_ranking_at_a_pixel(runs, address, name, number, position):
    answer = good(address, f"api/{number}/20/{position}/pixel?row=13&col=40&count=1000")["layers"]
    canvas = layers_of(runs, name, position)
    assert [*answer] == [*canvas.layers]
    for layer in canvas:
        values = layer.maps(range(layer.neurons))[:, 0, 13, 40].double()
        found = answer[layer.name]
        order = torch.argsort(-values.abs(), stable=True)[: len(found["neurons"])]
        assert found["values"] == pytest.approx(values[found["neurons"]].tolist(), rel=1e-3, abs=1e-7)
        assert np.abs(found["values"]) == pytest.approx(values.abs()[order].numpy(), rel=1e-3, abs=1e-7)
        assert found["total"] == pytest.approx(float(values.abs().sum()), rel=1e-4)


def test_maps_of_every_pixel_and_of_squares(runs, address):
    layer = layers_of(runs, "nerv", 3)["block1"]
    expected = layer.maps([7, 0])[:, 0]
    found = floats(good(address, "api/0/20/3/maps?layer=block1&neurons=7,0&cell=1&of=contribution"))
    np.testing.assert_array_equal(found, expected.numpy())
    squares = floats(good(address, "api/0/20/3/maps?layer=block1&neurons=7,0&cell=5&of=contribution"))
    assert squares.shape == (2, 10, 20)
    assert squares[0, 0, 0] == pytest.approx(float(expected[0, :5, :5].abs().mean()), rel=1e-5)
    assert squares[0, 9, 19] == pytest.approx(float(expected[0, 45:, 95:].abs().mean()), rel=1e-5)


def test_effects(runs, address):
    layer = layers_of(runs, "nerv", 1)["block2"]
    expected = layer.effects([3, 8])[:, 0].abs().sum(1)
    found = floats(good(address, "api/0/20/1/maps?layer=block2&neurons=3,8&cell=1&of=effect"))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=1e-6)


def test_one_neuron_off_changes_the_picture_by_its_effect(runs, address):
    effect = layers_of(runs, "nerv", 1)["block2"].effects([8])[0, 0]
    answer = good(address, "api/0/20/1/without", {"removed": {"block2": [8]}})
    assert answer["change_psnr"] == pytest.approx(
        -10 * log10(float(effect.double().square().mean())), abs=0.02
    )


def test_the_frame_without_neurons(runs, address, scene):
    module = runs.modules["nerv"]
    removed = {"head": [0, 4], "block3": [1]}
    answer = good(address, "api/0/20/2/without", {"removed": removed})
    changed = torch.func.functional_call  # by hand: the kernels and their shares of the bias
    state = {name: tensor.clone() for name, tensor in module.network.state_dict().items()}
    for conv, neurons in (("head", [0, 4]), ("blocks.2.conv", [1])):
        weight, bias = state[f"{conv}.weight"], state[f"{conv}.bias"]
        outputs, inputs = weight.shape[:2]
        share = bias.clone() / inputs
        for neuron in neurons:
            weight[neuron % outputs, neuron // outputs] = 0
            bias[neuron % outputs] -= share[neuron % outputs]
    with torch.no_grad():
        expected = changed(module.network, state, (module.times(torch.tensor([2])),))[0]
        whole = module.reconstruct([2])[0]
    shown = (expected.clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(picture(answer["picture"]).astype(float) - shown).max() <= 1
    truth = scene.clip.frames[2]
    for key, one, other in (
        ("psnr", expected, truth),
        ("whole_psnr", whole, truth),
        ("change_psnr", expected, whole),
    ):
        error = float((one - other).double().square().mean())
        assert answer[key] == pytest.approx(-10 * log10(error), abs=0.01), key
    assert answer["removed"] == 3


def test_without_any_neurons_nothing_changes(address):
    answer = good(address, "api/1/20/1/without", {"removed": {}})
    assert answer["change_psnr"] is None
    assert answer["largest"] == 0
    assert answer["picture"] == answer["whole"]


def test_selections(runs, address):
    layer = layers_of(runs, "nerv", 0)["block2"]
    sums = layer.maps(range(layer.neurons)).abs().double().sum((1, 2, 3))
    weakest = good(address, "api/0/20/0/weakest?layer=block2&share=0.2")["neurons"]
    assert len(weakest) == round(0.2 * layer.neurons)
    assert float(sums[weakest].max()) <= float(sums.sort().values[len(weakest)]) * (1 + 1e-5)
    alike = good(address, "api/0/20/0/alike?layer=block2&neuron=5&kind=input")["neurons"]
    assert alike == [*range(len(layer.terms.weight))]
    assert len(good(address, "api/0/20/0/alike?layer=block2&neuron=5&kind=layer")["neurons"]) == layer.neurons


@pytest.mark.parametrize("position", [0, 3])
def test_neurons_that_favour_a_segment_at_any_frame(runs, address, scene, position):
    """By hand: the mean |c| inside over the mean |c|, of the half with the larger sum."""
    layer = layers_of(runs, "nerv", position)["block2"]
    maps = layer.maps(range(layer.neurons))[:, 0].abs().double()
    mask = scene.clip.masks[position]
    answer = good(address, f"api/0/20/{position}/favourites?layer=block2&count=5")
    for i, segment in enumerate(scene.clip.segments):
        inside = mask == segment.id
        if not inside.any():  # the cat has gone, and none of a higher number is there
            assert len(answer["favourites"]) <= i
            continue
        found = [neuron for neuron in answer["favourites"][i] if neuron >= 0]
        ratios = maps[:, inside].mean(1) / maps.mean((1, 2))
        ratios[maps.sum((1, 2)) < maps.sum((1, 2)).median()] = 0
        best = ratios.sort(descending=True).values[:5]
        assert ratios[found].tolist() == pytest.approx(best[best > 1].tolist(), rel=1e-4)
        assert answer["preferences"][i][: len(found)] == pytest.approx(ratios[found].tolist(), rel=1e-4)


def test_frames_have_their_segments(address, scene):
    first, last = (good(address, f"api/0/20/{position}/frame") for position in (0, 3))
    shown = (scene.clip.frames[3].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(picture(last["picture"]), shown)
    assert first["segments"] == [segment.name for segment in scene.clip.segments]
    assert first["labels"] != last["labels"]


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("api/7/20/0/frame", 404, "no run 7"),
        ("api/0/15/0/frame", 404, "not analysed after 15 epochs"),
        ("api/0/20/9/frame", 404, "numbered 0 … 3"),
        ("api/0/20/0/pixel?row=48&col=0&count=8", 404, "rows are 0 … 47"),
        ("api/0/20/0/pixel?row=1&col=0", 400, "lacks 'count'"),
        ("api/0/20/0/pixel?row=1&col=0&count=0", 400, "from 1 to 1024"),
        ("api/0/20/0/pixel?row=x&col=0&count=8", 400, "'row' is 'x'"),
        ("api/0/20/0/maps?layer=haed&neurons=1&cell=1&of=contribution", 404, "did you mean 'head'?"),
        ("api/0/20/0/maps?layer=head&neurons=99999&cell=1&of=contribution", 404, "99999 of layer"),
        ("api/0/20/0/maps?layer=head&neurons=1,,2&cell=1&of=contribution", 400, "'neurons' is"),
        (f"api/0/20/0/maps?layer=head&neurons={'9' * 30}&cell=1&of=contribution", 400, "'neurons' is"),
        ("api/0/20/0/weakest?layer=head&share=nan", 400, "share"),
        ("api/0/20/0/alike?layer=head&neuron=0&kind=kernels", 400, "did you mean 'kernel'?"),
        (f"api/0/20/0/weakest?layer={'x' * 5000}&share=0.1", 404, f"no layer '{'x' * 60}'"),
        ("api/0/20/0/favourites?layer=head&count=0", 400, "from 1 to"),
        ("api/0/20/figure?name=..%2F..%2Fconfig.yaml", 404, "no such figure"),
        ("api/0/20/figure?name=%2Fetc%2Fpasswd", 404, "no such figure"),
        ("../config.yaml", 404, "no such address"),
        ("api/0/20/0/without", 405, "not asked in this way"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(address, path, status, part):
    found, answer = ask(address, path)
    assert found == status
    assert part in answer["error"]
    assert answer["error"].endswith((".", "?"))
    assert "\n" not in answer["error"]


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"removed": []},
        {"removed": {"head": 3}},
        {"removed": {"head": [1.5]}},
        {"removed": {"head": [True]}},
    ],
)
def test_selections_of_another_form_are_refused(address, content):
    assert ask(address, "api/0/20/0/without", content)[0] == 400


def test_other_names_of_this_machine_are_refused(address):
    """As after DNS rebinding."""
    status, answer = ask(address, "api/runs", Host="evil.example:8642")
    assert status == 403
    assert "does not belong to this server" in answer["error"]
    assert ask(address, "api/runs", Host="localhost:1")[0] == 200
    assert ask(address, "api/runs", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})[0] == 403


def test_the_page_allows_nothing_but_itself(address):
    with urllib.request.urlopen(address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = answer.read().decode()
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "snapshot-0-20" not in page


def test_ctrl_c_ends_it_without_a_word_although_a_page_listens(runs):
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "xinc_lightning", "explore", str(runs.nerv), "--no-open", "--port", "0"]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        with (
            urllib.request.urlopen(address) as page,
            urllib.request.urlopen(address + "api/events") as events,
        ):
            assert b"<!doctype html>" in page.read()
            assert events.readline().startswith(b"retry:")
            server.send_signal(signal.SIGINT)
            _, errors = server.communicate(timeout=120)
    assert errors == ""
