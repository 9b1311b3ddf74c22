"""Film the explorer for the README: point, click, switch off, see. The real page, served, in headless Chromium.

    python scripts/explorer_film.py runs/nerv-001 docs/images/explore.gif

Needs the extra ``dev``, chromium and chromedriver. ``--still 1280`` takes a picture of that width instead of a film.
"""

import argparse
import io
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from xinc_lightning.server.app import build_app
from xinc_lightning.server.clips import clip_of_run
from xinc_lightning.server.exact import ExactCanvases
from xinc_lightning.server.watch import RunFolders

WIDTH, HEIGHT = 1000, 640
SHOWN = 800
"""Pixels across of the film."""

COLOURS = 224

IDLE = "return !document.querySelector('[aria-busy=true]') && document.getElementById('status').textContent === ''"

POINT = """const canvas = document.querySelector("canvas.frame"), box = canvas.getBoundingClientRect();
canvas.dispatchEvent(new PointerEvent(arguments[0], {bubbles: true,
    clientX: box.left + arguments[1] * box.width, clientY: box.top + arguments[2] * box.height}));"""

CLICK = "document.querySelector(arguments[0]).click()"
SHOW = "document.querySelector(arguments[0]).scrollIntoView({block: 'start'}); scrollBy(0, -60)"


def served(run: Path) -> str:
    """The address of a server of a run, in a thread of this process."""
    folders = RunFolders([run])
    canvases = ExactCanvases(lambda: folders.runs, clip_of_run)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build_app(folders, lambda: canvases), log_level="error"))
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


class Camera:
    """A browser, and the pictures taken of it."""

    def __init__(self, profile: str, width: int, height: int) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
        for flag in (
            "headless",
            "no-sandbox",
            "disable-gpu",
            "disable-dev-shm-usage",
            f"user-data-dir={profile}",
        ):
            options.add_argument(f"--{flag}")
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        self.pictures: list[tuple[Image.Image, int]] = []

    def do(self, script: str, *arguments: object) -> None:
        """Run a script, and wait until the page shows what came of it."""
        self.driver.execute_script(script, *arguments)
        time.sleep(0.3)
        end = time.monotonic() + 60
        while not self.driver.execute_script(IDLE):
            assert time.monotonic() < end, "the page does not come to rest"
            time.sleep(0.05)
        time.sleep(0.2)

    def shoot(self, milliseconds: int) -> None:
        """Take a picture that is shown for so long."""
        image = Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")
        self.pictures.append((image, milliseconds))

    def save(self, path: Path) -> None:
        """Write the film."""
        height = round(SHOWN * self.pictures[0][0].height / self.pictures[0][0].width)
        small = [one.resize((SHOWN, height), Image.Resampling.LANCZOS) for one, _ in self.pictures]
        every = Image.new("RGB", (SHOWN, height * len(small)))
        for place, one in enumerate(small):
            every.paste(one, (0, place * height))
        palette = every.quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
        frames = [one.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for one in small]
        durations = [duration for _, duration in self.pictures]
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True
        )


def film(camera: Camera) -> None:
    """Point, click, switch off, see."""
    camera.do(SHOW, "#pixels")
    for x, y in ((0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.47, 0.55)):
        camera.do(POINT, "pointermove", x, y)
        camera.shoot(500)
    camera.do(POINT, "click", 0.47, 0.55)
    camera.shoot(900)
    camera.do(CLICK, "ol.neurons button.entry")
    camera.do(SHOW, "#neuron")
    camera.shoot(1200)
    camera.do(CLICK, "input[name=sign][value=signed]")
    camera.shoot(1200)
    camera.do(CLICK, "#neuron-off")
    camera.do(SHOW, "#removal")
    camera.shoot(1500)
    camera.do(CLICK, "#favourites-add")
    camera.shoot(1800)
    for _ in range(9):
        camera.do("stepFrame(1)")
        camera.shoot(300)


def main() -> None:
    """Make the film or the picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--still", type=int, metavar="WIDTH", help="a picture of this width of the whole page"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        camera = Camera(profile, options.still or WIDTH, HEIGHT)
        camera.driver.get(served(options.run))
        camera.do("")
        if options.still:
            camera.do(POINT, "click", 0.47, 0.55)
            camera.do(CLICK, "#neuron-off")
            camera.do("window.scrollTo(0, 0)")
            size = camera.driver.execute_script("return document.documentElement.scrollHeight")
            metrics = {"width": options.still, "height": size, "deviceScaleFactor": 1, "mobile": False}
            camera.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            camera.shoot(0)
            camera.pictures[0][0].save(options.out)
        else:
            film(camera)
            camera.save(options.out)
        camera.driver.quit()


if __name__ == "__main__":
    main()
