"""The page is one small file that asks for nothing else and holds every neuron's number and picture."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from xinc_lightning.analyses import NeuronClustersResult
from xinc_lightning.explorer import build_page
from xinc_lightning.figures import embedding_page, thumbnails_of


def result(layer, count):
    random = np.random.default_rng(count)
    return NeuronClustersResult(
        layer=layer,
        total_neurons=5000,
        sampled=count,
        neurons=np.arange(count) * 2,
        vectors=random.random((count, 5)),
        cluster_areas=np.ones(5, int),
        neighbours=15,
        positions=random.random((count, 2)),
        clusters=np.arange(count) % 4,
        shown=np.arange(0),
        shown_clusters=np.arange(0),
        labels=(),
        maps=np.zeros((0, 8, 16)),
        silhouette=0.5,
    )


def page_of(counts, title="NeRV <neurons> & more"):
    results = [result(f"layer</script>{i}", count) for i, count in enumerate(counts)]
    shades = np.linspace(0, 255, sum(counts)).astype(np.uint8)
    pictures = np.split(np.broadcast_to(shades[:, None, None], (len(shades), 16, 32)), np.cumsum(counts)[:-1])
    return (
        results,
        shades,
        embedding_page(results, [np.arange(count) / 3 for count in counts], pictures, title),
    )


def data_of(page):
    return json.loads(re.search(r"const data = (\{.*\});\n", page)[1])


def test_page_is_self_contained():
    _, _, page = page_of([30, 20])
    assert not re.findall(r"https?:|//[a-z]|\bsrc=|\bhref=|@import|url\(|fetch\(|XMLHttp|<link", page)
    assert page.count("<script") == page.count("</script") == 1  # no name can end the script
    assert "NeRV &lt;neurons&gt; &amp; more" in page
    assert "TITLE" not in page
    assert '"DATA"' not in page


class Policies(HTMLParser):
    """The Content-Security-Policies of a page, and what comes before the first."""

    def __init__(self, page):
        super().__init__()
        self.policies, self.before = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if named.get("http-equiv", "").lower() == "content-security-policy":
            self.policies.append(named["content"])
        elif not self.policies:
            self.before.append(tag)


@pytest.fixture
def policy_of():
    def policy(page: str) -> dict[str, str]:
        """The directives of a page's policy, which holds for all that follows it."""
        found = Policies(page)
        (policy,) = found.policies
        assert set(found.before) <= {"html", "head", "meta"}
        return dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))

    return policy


def test_the_page_may_load_nothing(policy_of):
    assert policy_of(page_of([3])[2]) == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "script-src": "'unsafe-inline'",
    }


def test_the_explorers_page_may_load_nothing_and_runs_only_its_own_script(policy_of):
    policy = policy_of(build_page([]))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    for kind in ("script-src", "style-src"):
        assert policy[kind].startswith("'sha256-"), "nothing that a run brings along"
        assert "unsafe" not in policy[kind]


def test_every_neuron_with_its_numbers_and_its_own_thumbnail():
    results, shades, page = page_of([30, 20])
    data = data_of(page)
    width, height = data["size"]
    assert (width, height) == (32, 16)
    sheet = Image.open(io.BytesIO(base64.b64decode(data["sprite"].partition(",")[2])))
    sheet = np.asarray(sheet)
    first = 0
    for layer, wanted in zip(data["layers"], results, strict=True):
        assert layer["name"] == wanted.layer
        assert layer["neurons"] == wanted.neurons.tolist()
        assert layer["clusters"] == wanted.clusters.tolist()
        assert layer["totals"] == pytest.approx(np.arange(len(wanted.neurons)) / 3, rel=0.01)
        assert min(layer["x"]) == 0
        assert max(layer["x"]) == 1
        assert np.argsort(layer["x"], kind="stable").tolist() == np.argsort(wanted.positions[:, 0]).tolist()
        for place in range(len(wanted.neurons)):
            row, column = divmod(first + place, data["columns"])
            picture = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
            assert picture.mean() == pytest.approx(shades[first + place], abs=6)
        first += len(wanted.neurons)


def test_a_few_hundred_kilobytes_for_the_default_sample():
    random = np.random.default_rng(0)
    smooth = random.random((4000, 4, 8)).repeat(4, 1).repeat(4, 2)
    pictures = np.split(thumbnails_of(smooth), 4)
    page = embedding_page([result(f"{i}", 1000) for i in range(4)], [np.ones(1000)] * 4, pictures, "title")
    assert len(page) < 900_000
