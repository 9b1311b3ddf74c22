"""The page at work in a real browser."""

import re
from importlib import resources
from itertools import pairwise

import pytest

from xinc_lightning.canvas import Canvas
from xinc_lightning.explorer import build_page
from xinc_lightning.runs.reader import read_run

pytestmark = pytest.mark.xdist_group("browser")  # one browser for all of its tests
EPOCH = "return Number(document.getElementById('now').textContent.split(' ')[1])"


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(build_page([read_run(runs.nerv), read_run(runs.ffn)]), encoding="utf-8")
    return path


@pytest.fixture
def browser(chromium, page):
    chromium.open(page)
    yield chromium
    assert chromium.errors() == []


@pytest.mark.parametrize("place", [(0.5, 0.5), (0.12, 0.34), (0.999, 0.999)])
def test_pixel_shows_the_same_neurons_as_in_python(browser, runs, scene, strongest_of, place):
    x, y = place
    browser.point(x, y)
    row, col = int(y * scene.clip.height), int(x * scene.clip.width)
    for number, module in enumerate(runs.modules.values()):
        network, inputs = module.eval().canvas_inputs(0)
        for layer in Canvas(network).at(inputs):
            cell = read_run((runs.nerv, runs.ffn)[number])
            cell = int(cell.snapshots[-1].arrays("pixels_to_neurons", layer.name)["cell"])
            expected = strongest_of(layer, row, col, cell)
            found = browser.listed(layer.name, number)
            assert [share for _, share in found] == pytest.approx([s for _, s in expected], abs=2e-5)
            apart = [abs(a[1] - b[1]) > 1e-5 * a[1] for a, b in pairwise(expected)]
            if all(apart):
                assert [neuron for neuron, _ in found] == [neuron for neuron, _ in expected]
            else:
                assert {neuron for neuron, _ in found[:-1]} <= {neuron for neuron, _ in expected} | {
                    found[-1][0]
                }


def test_click_pins_the_place(browser):
    browser.point(0.2, 0.2)
    there = browser.listed("head")
    browser.point(0.2, 0.2, "click")
    browser.point(0.8, 0.9)
    assert browser.listed("head") == there
    browser.press("ESCAPE")
    browser.point(0.8, 0.9)
    assert browser.listed("head") != there


def test_the_slider_changes_figures_and_neurons(browser):
    image = "return document.querySelector('#figure-columns img').src"
    browser.point(0.4, 0.6)
    last, neurons = browser.run(image), browser.listed("head")
    browser.run(
        "const s = document.getElementById('epoch'); s.value = 0; s.dispatchEvent(new Event('input'))"
    )
    assert browser.run(EPOCH) == 10
    assert browser.run(image) != last
    assert browser.listed("head") != neurons
    browser.press("ARROW_RIGHT", "#epoch")
    assert browser.run(EPOCH) == 20
    assert browser.run(image) == last
    assert browser.listed("head") == neurons


def test_everything_by_keyboard(browser):
    browser.press("[")
    assert browser.run(EPOCH) == 10
    browser.press("]")
    assert browser.run(EPOCH) == 20
    figure = browser.run("return document.getElementById('figure').value")
    browser.press(".")
    assert browser.run("return document.getElementById('figure').value") != figure
    browser.press(",")
    assert browser.run("return document.getElementById('figure').value") == figure
    where = "return document.querySelector('.where').textContent"
    before = browser.run(where)
    browser.press("ARROW_DOWN", "canvas.frame")
    assert browser.run(where) != before
    browser.press("ARROW_UP", "canvas.frame")
    assert browser.run(where) == before
    browser.press("ENTER", "canvas.frame")
    assert not browser.run("return document.getElementById('unpin').hidden")
    browser.press("ENTER", "ol.neurons button")
    chosen = browser.run("return document.querySelector('ol.neurons button').dataset.neuron")
    assert browser.run("return document.getElementById('neuron-index').value") == chosen
    words = "return document.getElementById('neuron-words').textContent"
    before = browser.run(words)
    browser.press("ARROW_RIGHT", "#embedding")
    assert browser.run(words) != before


def test_segment_shows_the_neurons_that_favour_it(browser, runs):
    run = read_run(runs.nerv)
    tables = run.snapshots[-1].arrays("pixels_to_neurons", "head")
    browser.press("s")
    browser.point(20 / 96, 10 / 48)  # the astronaut
    assert "“astronaut”" in browser.run("return document.querySelector('.where').textContent")
    assert [neuron for neuron, _ in browser.listed("head")] == [n for n in tables["favourites"][1] if n >= 0]
    browser.run("document.querySelector('[data-segment=cat]').click()")
    assert [neuron for neuron, _ in browser.listed("head")] == [n for n in tables["favourites"][2] if n >= 0]


def test_neuron_shows_its_map_over_the_epochs_its_variances_and_its_position(browser, runs):
    run = read_run(runs.nerv)
    neuron = int(run.snapshots[0].arrays("pixels_to_neurons", "head")["kept"][0])
    browser.run(
        "const i = document.getElementById('neuron-index'); i.value = arguments[0];"
        "i.dispatchEvent(new Event('input'))",
        neuron,
    )
    browser.until("return !document.querySelector('#strip').textContent.includes('no map')")
    assert browser.run("return document.querySelectorAll('#strip button').length") == 2
    variance = run.snapshots[-1].arrays("variance", "head")
    shown = browser.run(
        "return [...document.querySelectorAll('#neuron-variance tbody tr')].map("
        "(r) => [r.cells[0].textContent, Number(r.cells[1].textContent)])"
    )
    assert {name for name, _ in shown} == {"instances", "rgb", "gabor", "grid", "lattice"}
    for name, score in shown:
        assert score == pytest.approx(variance[f"scores_{name}"][neuron], rel=0.01)
    brightest = browser.run(
        """const m = document.getElementById('neuron-map');
        const d = m.getContext('2d').getImageData(0, 0, m.width, m.height).data;
        let best = 0; for (let i = 0; i < d.length; i += 4) if (d[i] + d[i+1] > d[best] + d[best+1]) best = i;
        return best / 4"""
    )
    maps = run.snapshots[-1].arrays("pixels_to_neurons", "head")
    kept = maps["maps"][maps["kept"].tolist().index(neuron)]
    assert kept.ravel()[int(brightest)] > 215
    assert re.search(
        "4 of|kind", browser.run("return document.getElementById('embedding-caption').textContent")
    )


def test_phone_width_needs_no_sideways_scrolling(chromium, page):
    chromium.open(page, 390, 800)
    chromium.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert chromium.run("return document.documentElement.scrollWidth") <= 390
    small = chromium.run(
        "return [...document.querySelectorAll('button')].filter((b) => b.offsetParent && b.offsetHeight < 24).length"
    )
    assert small == 0
    assert chromium.errors() == []


def test_an_older_run_shows_figures_and_curves_and_says_what_is_missing(chromium, nerv_run, tmp_path):
    for folder in nerv_run.glob("analyses/*/pixels_to_neurons"):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    page = tmp_path / "old.html"
    page.write_text(build_page([read_run(nerv_run)]), encoding="utf-8")
    chromium.open(page)
    assert "PixelsToNeurons" in chromium.run("return document.getElementById('pixels-hint').textContent")
    assert "PixelsToNeurons" in chromium.run("return document.getElementById('problems').textContent")
    assert chromium.run("return document.querySelector('#figure-columns img').naturalWidth > 100")
    chromium.until("return document.querySelectorAll('#charts svg').length > 0")
    chromium.until("return document.getElementById('neuron-map').width > 10")
    assert chromium.errors() == []


LOADS = """
const done = arguments[0], refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
    refused.push(event.effectiveDirective);
    if (refused.length === 4) done(refused.sort());
});
const add = (tag, more) => document.body.append(Object.assign(document.createElement(tag), more));
add("img", {src: "http://localhost:9/a.png"});
add("script", {src: "http://localhost:9/a.js"});
add("link", {rel: "stylesheet", href: "http://localhost:9/a.css"});
fetch("http://localhost:9/a").catch(() => null);
setTimeout(() => done(refused), 10_000);
"""


@pytest.mark.parametrize("kind", ["explorer", "neuron_clusters"])
def test_the_browser_refuses_whatever_a_page_would_load(kind, chromium, page, tmp_path):
    if kind == "neuron_clusters":
        shell = resources.files("xinc_lightning.figures").joinpath("embedding_page.html").read_text("utf-8")
        page = tmp_path / "neurons.html"
        data = '{"layers": [], "size": [1, 1], "columns": 1, "colours": [], "sprite": "data:,"}'
        page.write_text(shell.replace('"DATA"', data), encoding="utf-8")
    chromium.open(page)
    refused = chromium.driver.execute_async_script(LOADS)
    assert refused == ["connect-src", "img-src", "script-src-elem", "style-src-elem"]
