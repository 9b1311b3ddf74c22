"""The served page in a real browser: what it shows is what the Python API computes, also while a run grows."""

import shutil

import numpy as np
import pytest
import torch

from xinc_lightning.canvas import Canvas
from xinc_lightning.pruning import read_selection

WHERE = "return document.querySelector('article h3').textContent"

pytestmark = pytest.mark.xdist_group("browser")  # one browser for all of its tests


@pytest.fixture(scope="module")
def address(runs, scene, serve):
    with serve([runs.nerv, runs.ffn], scene.clip) as (address, _):
        yield address


@pytest.fixture
def browser(chromium, address):
    chromium.open("about:blank")
    chromium.open(address)
    chromium.until("return document.querySelectorAll('ol.neurons button.entry').length > 30")
    chromium.until("return !document.querySelector('[aria-busy=true]')")
    yield chromium
    assert chromium.errors() == []


def layers_of(runs, name, position):
    network, inputs = runs.modules[name].eval().canvas_inputs(position)
    return Canvas(network).at(inputs)


def until_shown(browser):
    """Wait for the answers on their way."""
    browser.run("window.drawn = new Promise((done) => setTimeout(done, 60))")
    browser.driver.execute_async_script("window.drawn.then(arguments[0])")
    browser.until("return !document.querySelector('[aria-busy=true]')")


def to_frame(browser, position):
    browser.run("change({frame: arguments[0]})", position)
    number = f"frame {position} "
    browser.until(f"return document.querySelector('article h3').textContent.includes('{number}')")
    until_shown(browser)


@pytest.mark.parametrize(("x", "y", "position"), [(0.5, 0.5, 0), (0.01, 0.99, 3)])
def test_pixel_shows_the_exact_ranking_of_all_neurons(browser, runs, scene, x, y, position):
    to_frame(browser, position)
    browser.point(x, y)
    until_shown(browser)
    row, col = int(y * scene.clip.height), int(x * scene.clip.width)
    for number, name in enumerate(runs.modules):
        for layer in layers_of(runs, name, position):
            sizes = layer.maps(range(layer.neurons))[:, 0, row, col].abs().double()
            shares = (sizes / sizes.sum()).sort(descending=True).values[:8]
            found = browser.listed(layer.name, number)
            assert [share for _, share in found] == pytest.approx(shares[shares > 0].tolist(), rel=1e-3)
            assert [share for _, share in found] == pytest.approx(
                [float(sizes[neuron] / sizes.sum()) for neuron, _ in found], rel=1e-3
            )


@pytest.mark.parametrize("sign", ["size", "signed"])
def test_a_neurons_map_has_every_pixel(browser, runs, sign):
    to_frame(browser, 1)
    browser.run("change({neuron: {run: 0, layer: 'block2', index: 11}, sign: arguments[0]})", sign)
    browser.until("return document.getElementById('neuron-map').width === 96")
    until_shown(browser)
    shown = browser.run(
        "const d = chosenLayer(20).fullMap(11); return [d.rows, d.cols, d.scale, Array.from(d.values)]"
    )
    expected = layers_of(runs, "nerv", 1)["block2"].maps([11])[0, 0].numpy()
    rows, cols, scale, values = shown
    found = np.array(values).reshape(rows, cols) * scale
    np.testing.assert_allclose(
        found, expected if sign == "signed" else np.abs(expected), rtol=1e-5, atol=1e-7
    )


def test_switching_neurons_off_shows_the_frame_without_them(browser, runs, scene):
    to_frame(browser, 2)
    browser.run("change({neuron: {run: 0, layer: 'head', index: 4}})")
    browser.press("o")
    browser.run("toggleRemoved(0, 'head', [0])")
    browser.until("return document.getElementById('removed-numbers').textContent.includes('→')")
    until_shown(browser)
    numbers = browser.run("return document.getElementById('removed-numbers').textContent")
    module = runs.modules["nerv"]
    state = {name: tensor.clone() for name, tensor in module.network.state_dict().items()}
    weight, bias = state["head.weight"], state["head.bias"]
    share = bias.clone() / weight.shape[1]
    for neuron in (0, 4):
        weight[neuron % 3, neuron // 3] = 0
        bias[neuron % 3] -= share[neuron % 3]
    with torch.no_grad():
        made = torch.func.functional_call(module.network, state, (module.times(torch.tensor([2])),))[0]
    psnr = -10 * torch.log10((made - scene.clip.frames[2]).double().square().mean())
    assert f"→ {float(psnr):.2f} dB" in numbers
    assert browser.run("return document.getElementById('removed-picture').naturalWidth") == 96
    browser.press("o")
    assert browser.run("return state.removed.layers") == {"head": [0]}
    browser.run("document.getElementById('removed-clear').click()")


def test_selections_are_added(browser, runs):
    browser.run("change({neuron: {run: 0, layer: 'block1', index: 4}})")
    browser.run("document.getElementById('weakest-add').click()")
    browser.until("return (state.removed.layers.block1 || []).length > 0")
    neurons = layers_of(runs, "nerv", 0)["block1"].neurons
    assert browser.run("return state.removed.layers.block1.length") == round(0.2 * neurons)
    browser.run("document.getElementById('removed-clear').click()")
    browser.run("document.getElementById('favourites-add').click()")
    browser.until("return Object.keys(state.removed.layers).length === 4")
    busy = "return byId('removed-pictures').getAttribute('aria-busy')"
    assert browser.run(f"toggleRemoved(0, 'head', [1]); {busy}") == "true"
    assert browser.run(f"byId('removed-clear').click(); {busy}") == "false"


def test_a_link_shows_the_same_again(browser, address):
    browser.run(
        "change({epoch: 10, frame: 3, pinned: true, place: {x: 0.25, y: 0.75}, sign: 'signed',"
        " neuron: {run: 1, layer: 'layer2', index: 5}, removed: {run: 1, layers: {layer2: [5, 6]}}})"
    )
    browser.until("return location.hash.includes('layer2')")
    link = browser.run("return location.href")
    browser.open("about:blank")
    browser.open(link)
    browser.until("return document.querySelectorAll('article').length === 2")
    browser.until("return document.querySelector('article h3').textContent.includes('frame 3 · epoch 10')")
    assert browser.run("return [state.neuron, state.place, state.pinned, state.sign, state.removed]") == [
        {"run": 1, "layer": "layer2", "index": 5},
        {"x": 0.25, "y": 0.75},
        True,
        "signed",
        {"run": 1, "layers": {"layer2": [5, 6]}},
    ]
    browser.open("about:blank")
    browser.open(
        f"{address}#epoch=x&frame=-3&run=none&layer=%3Cb%3E&neuron=1e99&off=%7B%22head%22%3A7%7D&x=9"
    )
    browser.until("return document.querySelectorAll('article').length === 2")


def test_more_neurons_are_listed_beside_a_pinned_place(browser, runs):
    to_frame(browser, 1)
    browser.point(0.3, 0.6)
    until_shown(browser)
    (layer,) = [layer for layer in layers_of(runs, "nerv", 1) if layer.name == "block1"]
    sizes = layer.maps(range(layer.neurons))[:, 0, int(0.6 * 48), int(0.3 * 96)].abs().double()
    more = 'document.querySelector(`article ol[data-layer="block1"] + .more`)'
    for count in (16, 32):
        browser.run(f"{more}.click()")
        browser.until(
            f"return document.querySelectorAll('article ol[data-layer=block1] li').length === {count}"
        )
        shares = (sizes / sizes.sum()).sort(descending=True).values[:count]
        assert [share for _, share in browser.listed("block1")] == pytest.approx(shares.tolist(), rel=1e-3)
    assert len(browser.listed("block2")) == 8
    browser.press("ESCAPE")
    browser.until("return document.querySelectorAll('article ol[data-layer=block1] li').length === 8")
    browser.run("change({more: {}})")


def test_any_neuron_is_reached_by_its_index(browser, runs):
    last = layers_of(runs, "nerv", 0)["block1"].neurons - 1
    browser.run("choose({run: 0, layer: 'block1'})")
    for typed, words in ((last, f"#{last} ("), (last + 1, "none of this number")):
        browser.run(
            "const i = document.getElementById('neuron-index'); i.value = arguments[0];"
            "i.dispatchEvent(new Event('input'))",
            typed,
        )
        browser.until(f"return document.getElementById('neuron-words').textContent.includes('{words}')")
        shown = "!document.getElementById('neuron-map').hidden"
        browser.until(f"return {shown} === {'true' if typed == last else 'false'}")


def test_segments_have_their_neurons_at_every_frame(browser, runs, scene):
    to_frame(browser, 2)
    browser.run("document.querySelector('[data-segment=astronaut]').click()")
    until_shown(browser)
    layer = layers_of(runs, "nerv", 2)["head"]
    maps = layer.maps(range(layer.neurons))[:, 0].abs().double()
    inside = scene.clip.masks[2] == scene.clip.segments[1].id
    ratios = maps[:, inside].mean(1) / maps.mean((1, 2))
    found = browser.listed("head")
    assert found
    assert [size for _, size in found] == pytest.approx([float(ratios[n]) for n, _ in found], rel=1e-3)
    browser.run("document.getElementById('favourites-segment').value = 1")
    browser.run("document.getElementById('favourites-add').click()")
    browser.until("return Object.keys(state.removed.layers).length === 4")
    assert browser.run("return state.removed.layers.head") == sorted(neuron for neuron, _ in found)
    browser.run("document.getElementById('removed-clear').click()")
    browser.run("document.querySelector('[data-segment=cat]').click()")
    to_frame(browser, 3)  # where there is no cat
    assert browser.listed("head") == []


def test_a_selection_is_exported_as_xinc_prune_reads_it(browser, tmp_path):
    to_frame(browser, 2)
    browser.run("change({removed: {run: 0, layers: {head: [0, 4], block2: [7]}}})")
    content = browser.run(
        "let href; const click = HTMLAnchorElement.prototype.click;"
        "HTMLAnchorElement.prototype.click = function () { href = this.href; };"
        "document.getElementById('removed-export').click(); HTMLAnchorElement.prototype.click = click;"
        "return decodeURIComponent(href.slice(href.indexOf(',') + 1));"
    )
    path = tmp_path / "selection.json"
    path.write_text(content)
    assert read_selection(path).model_dump() == {
        **{"run": "nerv", "epoch": 20, "frame": 2},
        "removed": {"head": [0, 4], "block2": [7]},
    }
    browser.run("document.getElementById('removed-clear').click()")


@pytest.mark.parametrize("what", ["article .grow", "#neuron-grow", "#removed-whole", "#removed-difference"])
def test_pictures_are_enlarged_to_the_window(browser, what):
    browser.run("change({neuron: {run: 0, layer: 'head', index: 4}})")
    browser.run("toggleRemoved(0, 'head', [4])")
    browser.until("return document.getElementById('removed-picture').naturalWidth === 96")
    browser.until("return document.getElementById('neuron-map').width === 96")
    assert not browser.run("return document.getElementById('large').open")
    browser.run(f"document.querySelector('{what}').click()")
    browser.until("return document.getElementById('large-picture').naturalWidth === 96")
    box = browser.run(
        "const b = document.getElementById('large-picture').getBoundingClientRect();"
        "return [b.left, b.top, b.right, b.bottom, innerWidth, innerHeight];"
    )
    left, top, right, bottom, width, height = box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left > 0.9 * width
    assert browser.run("return document.getElementById('large-words').textContent.length") > 10
    browser.run("document.getElementById('large-picture').click()")
    browser.until("return !document.getElementById('large').open")
    browser.run("document.getElementById('removed-clear').click()")


def test_a_link_holds_a_large_selection_and_whose_it_is(browser, runs):
    many = [*range(1, layers_of(runs, "nerv", 0)["block1"].neurons)]
    assert len(many) > 100
    browser.run(
        "change({neuron: {run: 1, layer: 'layer2', index: 1}, pinned: false,"
        " removed: {run: 0, layers: {block1: arguments[0]}}})",
        many,
    )
    browser.until("return location.hash.includes('of=nerv')")
    link = browser.run("return location.href")
    assert len(link) < 2000
    browser.run("change({pinned: true, sign: 'effect', removed: {run: 0, layers: {}}})")
    browser.until("return location.hash.includes('map=effect')")
    browser.run("location.hash = arguments[0]", link.partition("#")[2])  # pasted over the page's own
    browser.until("return state.sign === 'size'")
    assert browser.run("return [state.pinned, state.neuron.run, state.removed]") == [
        False,
        1,
        {"run": 0, "layers": {"block1": many}},
    ]
    browser.run("document.getElementById('removed-clear').click()")


def test_a_growing_run_is_followed_and_the_server_may_start_again(chromium, runs, scene, serve, tmp_path):
    run = tmp_path / "nerv-009"
    run.mkdir()
    for name in ("config.yaml", "metrics.csv"):
        shutil.copy(runs.nerv / name, run)

    def analyse(epoch):
        shutil.copytree(runs.nerv / "analyses" / f"epoch={epoch:04d}", run / "analyses" / f".{epoch}")
        (run / "analyses" / f".{epoch}").rename(run / "analyses" / f"epoch={epoch:04d}")

    epoch = "return document.getElementById('now').textContent"
    chromium.open("about:blank")
    with serve([run], scene.clip) as (address, _):
        chromium.open(address)
        assert "follows by itself" in chromium.run(
            "return document.getElementById('pixels-hint').textContent"
        )
        analyse(10)
        chromium.until(f"{epoch} === 'epoch 10'")
        chromium.until("return document.querySelectorAll('ol.neurons button.entry').length > 15")
        with (run / "metrics.csv").open("a") as file:
            file.write("15,15,14.5,\n")
        chromium.until("return RUNS[0].curves['train/psnr'][0].includes(15)")
    chromium.until("return document.getElementById('status').textContent.includes('does not answer')")
    port = int(address.rpartition(":")[2].strip("/"))
    analyse(20)
    with serve([run], scene.clip, port):
        chromium.until(f"{epoch} === 'epoch 20'")  # it was at the end
        chromium.run("change({epoch: 10})")
        shutil.copytree(run / "analyses" / "epoch=0020", run / "analyses" / "epoch=0030")
        chromium.until("return EPOCHS.includes(30)")
        assert chromium.run(epoch) == "epoch 10"  # it was not
    chromium.open("about:blank")
    chromium.errors()


def test_phone_width_needs_no_sideways_scrolling(chromium, address):
    chromium.open("about:blank")
    chromium.open(address, 390, 800)
    chromium.until("return document.querySelectorAll('ol.neurons button.entry').length > 30")
    chromium.run("toggleRemoved(0, 'head', [0])")
    chromium.until("return document.getElementById('removed-numbers').textContent.includes('→')")
    chromium.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert chromium.run("return document.documentElement.scrollWidth") <= 390
    chromium.run("document.getElementById('help-open').click()")
    assert chromium.run(
        "const b = document.getElementById('help').getBoundingClientRect(); return b.height <= 800 && b.width <= 390"
    )
    small = "[...document.querySelectorAll('button')].filter((b) => b.offsetParent && b.offsetHeight < 24)"
    assert chromium.run(f"return {small}.length") == 0
    assert chromium.errors() == []
