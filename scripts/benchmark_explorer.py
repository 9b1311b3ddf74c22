"""How long the explorer's server takes for its answers about a run, and what a training loses to an open page.

    python scripts/benchmark_explorer.py runs/nerv-001           # answers over HTTP, and until the page shows a picture
    python scripts/benchmark_explorer.py --training quick.yaml   # the same training without and with the page beside it

The second needs chromium, which has the page open all the time; nobody clicks.
"""

import argparse
import csv
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

TIMES = 5

XINC = (sys.executable, "-m", "xinc_lightning")


def main() -> None:
    """Measure the answers about a run, or a training beside the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", type=Path, nargs="?")
    what.add_argument("--training", metavar="CONFIG")
    parser.add_argument("--pairs", type=int, default=5, help="trainings without and with the page")
    parser.add_argument("--epochs", type=int, default=60, help="of each training")
    options = parser.parse_args()
    if options.training:
        measure_training(options.training, options.pairs, options.epochs)
        return
    start = time.perf_counter()
    with explored(options.run) as address:
        page = get(address).decode()
        overview = json.loads(re.findall(r'id="runs">(.*?)</script>', page, re.DOTALL)[0])[0]
        print(
            f"{'page with the saved frame':45} {1e3 * (time.perf_counter() - start):8.0f} ms after the command"
        )
        measure(address, overview, start)


@contextmanager
def explored(run: Path) -> Iterator[str]:
    """The address of ``xinc explore`` of a run while the block runs."""
    command = [*XINC, "explore", str(run), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[0]
        finally:
            server.terminate()


def measure_training(config: str, pairs: int, epochs: int) -> None:
    """Train in alternating order without and with the page, and print the change of the time between two epochs."""
    changes = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for pair in range(pairs):
            seconds = {}
            for beside in (False, True) if pair % 2 == 0 else (True, False):
                name = f"{'beside' if beside else 'alone'}{pair}"
                seconds[beside] = seconds_of_training(config, Path(folder), name, epochs, beside)
            changes.append(seconds[True] / seconds[False] - 1)
            print(
                f"alone {seconds[False]:7.2f} s, beside the page {seconds[True]:7.2f} s: {changes[-1]:+.1%}"
            )
    print(f"median {statistics.median(changes):+.1%}, from {min(changes):+.1%} to {max(changes):+.1%}")


def seconds_of_training(config: str, folder: Path, name: str, epochs: int, beside: bool) -> float:
    """Seconds from the end of a training's first quarter, when the page is open at the latest, to its last epoch."""
    run = folder / f"{name}-001"
    command = [*XINC, "fit", "--config", config, "--name", name, f"--trainer.max_epochs={epochs}"]
    env = {**os.environ, "WANDB_MODE": "disabled"}
    with ExitStack() as stack:
        log = stack.enter_context((folder / f"{name}.log").open("w"))
        root = ["--trainer.default_root_dir", str(folder)]
        fit = stack.enter_context(subprocess.Popen([*command, *root], env=env, stdout=log, stderr=log))
        stack.callback(fit.kill)
        wait_for_epoch(run, 1, fit)
        if beside:
            open_page(stack, stack.enter_context(explored(run)))
        wait_for_epoch(run, epochs // 4, fit)
        start = time.perf_counter()
        wait_for_epoch(run, epochs, fit)
        return time.perf_counter() - start


def open_page(stack: ExitStack, address: str) -> None:
    """Open a page in headless Chromium until the stack is closed."""
    chromium = (
        shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("there is no chromium here")
    )
    profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
    ]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    browser = stack.enter_context(subprocess.Popen([chromium, *flags, address], **silent))
    stack.callback(browser.terminate)


def wait_for_epoch(run: Path, epoch: int, fit: "subprocess.Popen[bytes]") -> None:
    """Wait until so many epochs are in a run's metrics."""
    while epochs_of(run) < epoch:
        if fit.poll() is not None and epochs_of(run) < epoch:
            sys.exit(f"the training of {run.name} has ended with {fit.returncode}")
        time.sleep(0.1)


def epochs_of(run: Path) -> int:
    """The last epoch in a run's metrics; 0 before there are any."""
    try:
        rows = list(csv.DictReader((run / "metrics.csv").read_text(encoding="utf-8").splitlines()))
        return int(rows[-1]["epoch"])
    except (FileNotFoundError, IndexError, TypeError, ValueError):  # not yet, or not whole
        return 0


def measure(address: str, overview: dict, start: float) -> None:  # type: ignore[type-arg]
    """Ask for everything once and again."""
    epoch, frames = overview["weights"][-1], len(overview["frames"])
    place = f"{address}api/0/{epoch}"
    layers = overview["layers"]
    get(f"{place}/0/pixel?row=1&col=1&count=8")
    print(f"{'first exact answer':45} {1e3 * (time.perf_counter() - start):8.0f} ms after the command")
    counts = json.loads(get(f"{place}/0/pixel?row=1&col=1&count=8"))["layers"]
    line(
        "a pixel, all layers, first time at a frame",
        lambda i: f"{place}/{(1 + i) % frames}/pixel?row=9&col=9&count=8",
    )
    line("a pixel, all layers, after that", lambda i: f"{place}/0/pixel?row={9 + i}&col=9&count=8")
    for layer in layers:
        for of in ("contribution", "effect"):
            address_of = partial(map_address, place, layer, counts[layer]["of"], of)
            line(f"a map of {layer}, {of}", address_of)
    line("the frame", lambda i: f"{place}/{i % frames}/frame")
    some = {layer: [*range(min(100 // len(layers), counts[layer]["of"]))] for layer in layers}
    body = json.dumps({"removed": some}).encode()
    line(f"without {sum(map(len, some.values()))} neurons", lambda i: f"{place}/{i % frames}/without", body)


def map_address(place: str, layer: str, neurons: int, of: str, i: int) -> str:
    """The address of a map at full resolution."""
    return f"{place}/0/maps?layer={layer}&neurons={i % neurons}&cell=1&of={of}"


def line(what: str, address: Callable[[int], str], body: bytes | None = None) -> None:
    """Ask several times and print the median and the longest."""
    times = []
    for i in range(TIMES):
        start = time.perf_counter()
        get(address(i), body)
        times.append(1e3 * (time.perf_counter() - start))
    print(f"{what:45} {statistics.median(times):8.1f} ms, at most {max(times):.1f}")


def get(address: str, body: bytes | None = None) -> bytes:
    """The answer."""
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    main()
