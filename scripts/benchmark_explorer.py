"""How long the explorer's server takes for its answers about a run, over HTTP, and until its page shows a picture.

python scripts/benchmark_explorer.py runs/nerv-001
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

TIMES = 5


def main() -> None:
    """Start ``xinc explore``, ask, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    run: Path = parser.parse_args().run
    start = time.perf_counter()
    command = [sys.executable, "-m", "xinc_lightning", "explore", str(run), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[0]
            page = get(address).decode()
            overview = json.loads(re.findall(r'id="runs">(.*?)</script>', page, re.DOTALL)[0])[0]
            print(
                f"{'page with the saved frame':45} {1e3 * (time.perf_counter() - start):8.0f} ms after the command"
            )
            measure(address, overview, start)
        finally:
            server.terminate()


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
