"""Run folders written by the real callbacks from tiny untrained networks, and a browser to open pages in."""

import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import uvicorn

from xinc_lightning.callbacks import (
    AnalysisContext,
    ContributionMaps,
    GroupingVariance,
    NeuronClusters,
    PixelsPerNeuron,
    PixelsToNeurons,
    Sink,
)
from xinc_lightning.callbacks.base.isolation import undisturbed
from xinc_lightning.callbacks.base.provenance import settings_of, weights_of
from xinc_lightning.figures import Figure, png_now
from xinc_lightning.modules import FFNModule, INRModule, NeRVModule
from xinc_lightning.server.app import build_app
from xinc_lightning.server.exact import ExactCanvases
from xinc_lightning.server.watch import RunFolders

CONFIG = "seed_everything: {seed}\nmodel:\n  class_path: xinc_lightning.modules.{name}\n"


@dataclass(frozen=True)
class Runs:
    """Folders of a NeRV's run of two snapshots and of an FFN's of one, and the networks at the last."""

    nerv: Path
    ffn: Path
    modules: dict[str, INRModule]


@pytest.fixture(scope="session")
def runs(scene, tmp_path_factory) -> Runs:
    """Made once; tests that change a run copy it. Their figures are blank: drawing them would take most of the time."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    shape = [len(scene.clip), scene.clip.height, scene.clip.width]
    modules = {
        "nerv": NeRVModule(target_parameters=20_000, clip_shape=shape),
        "ffn": FFNModule(target_parameters=1_500, clip_shape=shape),
    }
    for seed, (name, module) in enumerate(modules.items()):
        callbacks = [
            PixelsToNeurons(maps=20, cells=200),
            GroupingVariance(shifts=0),
            PixelsPerNeuron(),
            NeuronClusters(layers=["head" if name == "nerv" else "layer3"], max_neurons=4),
            ContributionMaps(neurons=2),
        ]
        for epoch in (10, 20) if name == "nerv" else (20,):
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.mul_(1.2).add_(0.02 * torch.randn_like(parameter))
            folder = root / name / "analyses" / f"epoch={epoch:04d}"
            blank = png_now(Figure((4, 3), facecolor=str(epoch / 20)))
            with (
                undisturbed(module),
                Sink(folder, [], epoch, epoch, png=lambda _, blank=blank: blank) as sink,
            ):
                context = AnalysisContext(module, scene.clip, epoch, [c.needs(scene.clip) for c in callbacks])
                for callback in callbacks:
                    callback.analyse(context, sink)
                module.trained_epochs = epoch
                sink.weights(weights_of(context))
                sink.settings(**settings_of(context))
        (root / name / "config.yaml").write_text(CONFIG.format(seed=seed, name=type(module).__name__))
        (root / name / "report.json").write_text('{"psnr": 30.5, "bpp": 31.9}')
        (root / name / "metrics.csv").write_text(
            "epoch,step,train/psnr,xinc/head/x/y\n1,0,11.5,\n10,9,12.5,\n10,9,,3\n"
        )
    return Runs(root / "nerv", root / "ffn", modules)


@pytest.fixture
def nerv_run(runs, tmp_path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(runs.nerv, tmp_path / "nerv-001"))


@contextmanager
def served(paths, clip=None, port=0):
    """The address of a server of runs, and what it computes with, while the block runs."""
    folders = RunFolders(paths)
    canvases = ExactCanvases(lambda: folders.runs, lambda run: clip)
    listener = socket.create_server(("127.0.0.1", port))
    app = build_app(folders, lambda: canvases)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/", canvases
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def serve():
    """See :func:`served`."""
    return served


class Browser:
    """A page in headless Chromium."""

    def __init__(self, driver) -> None:
        self.driver = driver

    def open(self, page: Path | str, width: int = 1200, height: int = 900) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get_log("browser")
        self.driver.get(page if isinstance(page, str) else page.as_uri())

    def run(self, script: str, *args):
        """What a script returns."""
        return self.driver.execute_script(script, *args)

    def point(self, x: float, y: float, kind: str = "pointermove", run: int = 0) -> None:
        """Point at a place of a run's frame, given as fractions of it, as a mouse would."""
        self.run(
            """const canvas = document.querySelectorAll("canvas.frame")[arguments[3]];
            const box = canvas.getBoundingClientRect();
            canvas.dispatchEvent(new PointerEvent(arguments[2], {bubbles: true,
                clientX: box.left + arguments[0] * box.width, clientY: box.top + arguments[1] * box.height}));""",
            x,
            y,
            kind,
            run,
        )

    def press(self, key: str, selector: str = "body") -> None:
        """Press a key while an element has the focus; arrow keys by their selenium names."""
        from selenium.webdriver.common.by import By
        from selenium.webdriver.common.keys import Keys

        self.run("document.querySelector(arguments[0]).focus({preventScroll: true})", selector)
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(getattr(Keys, key, key))

    def listed(self, layer: str, run: int = 0) -> list[tuple[int, float]]:
        """Neurons of a layer that stand beside a run's frame, with their shares."""
        found = self.run(
            """const part = document.querySelectorAll("article")[arguments[1]];
            return [...part.querySelectorAll(`ol[data-layer="${arguments[0]}"] button.entry`)].map(
                (b) => [Number(b.dataset.neuron), Number(b.dataset.size)]);""",
            layer,
            run,
        )
        return [(int(neuron), share) for neuron, share in found]

    def until(self, script: str, seconds: float = 120) -> None:
        """Wait until a script returns something true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"not within {seconds} s: {script}"
            time.sleep(0.05)

    def errors(self) -> list[str]:
        """What the page complained about."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Headless Chromium; without it the tests are skipped."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (extra dev)")
    from selenium.webdriver.chrome.service import Service

    names = ("chromium", "chromium-browser", "google-chrome")
    paths = [next(filter(None, map(shutil.which, names)), None), shutil.which("chromedriver")]
    if not all(paths):
        pytest.skip("no chromium and chromedriver here (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (
            *("headless", "no-sandbox", "disable-gpu", "disable-background-networking", "no-first-run"),
            *(
                "disable-component-update",
                "disable-sync",
                "disable-dev-shm-usage",
                f"user-data-dir={profile}",
            ),
        ):
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(paths[1]))
        yield Browser(driver)
        driver.quit()


@pytest.fixture(scope="session")
def strongest_of():
    """The strongest neurons at a pixel's cell by brute force: (neuron, share) from maps that all exist."""

    def find(layer, row, col, cell, count=8):
        sizes = layer.maps(range(layer.neurons))[:, 0].abs().double().numpy()
        top, left = row // cell * cell, col // cell * cell
        sums = sizes[:, top : top + cell, left : left + cell].sum((1, 2))
        order = np.argsort(-sums, kind="stable")[:count]
        return [(int(neuron), float(sums[neuron] / sums.sum())) for neuron in order if sums[neuron] > 0]

    return find
