"""Fuzz the tool with generated configs, images, masks, annotations and run folders: only one-line errors are allowed.

    python scripts/fuzz.py --cases 5000                 # of each kind
    python scripts/fuzz.py --cases 5000 --only configs  # or files, annotations, runs

Every case runs the tool's own code in this process. A case fails if an exception propagates that a user would see
as a traceback, if an error has more than one line, if more than 2 GB of memory would be allocated (the limit is set
here) or if it takes longer than 20 seconds. Hypothesis shrinks failing cases.

The file is long because each target needs its own generator.
"""

import argparse
import contextlib
import io
import json
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))  # where it is imported, by the tests, from elsewhere

import fuzz_runs

from xinc_lightning.data import DataError, list_clips, load_clip, open_clip
from xinc_lightning.runs.folder import unlock

OUTCOMES: Counter[str] = Counter()
"""How many cases of each kind were accepted and refused."""

KINDS = ("configs", "files", "annotations", "runs")

MEMORY = 2 << 30
SECONDS = 20.0

# --- configs ------------------------------------------------------------------------------------------------

numbers = st.sampled_from(
    [0, 1, -1, 2, 3, 1e-3, -0.5, 1e308, -1e308, 10**30, -(2**63), 2**31, float("inf"), float("nan")]
)
words = st.sampled_from(
    [
        "",
        "all",
        "0:3",
        "::2",
        "bunny",
        "null",
        "~",
        "last",
        "best",
        "nan",
        "l2",
        "tanh",
        "ü",
        "日本",
        "a b",
        "\u202e",
        "x" * 999,
    ]
) | st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
MODULES = [
    "NeRVModule",
    "FFNModule",
    "SIRENModule",
    "HNeRVModule",
    "NeRVModul",
    "xinc_lightning.modules.NeRVModule",
    "os.system",
    "builtins.dict",
    "",
    "a.b",
    "nerv",
]
MODEL = [
    "target_bpp",
    "target_parameters",
    "strides",
    "embedding",
    "output",
    "loss",
    "learning_rate",
    "warmup",
    "clip_shape",
    "widht",
]
DATA = [
    "path",
    "frames",
    "crop",
    "resize",
    "masks",
    "clip_id",
    "annotated_only",
    "batch_size",
    "seed",
    "frmes",
]
CALLBACKS = [
    *("Checkpoints", "ContributionMaps", "ContributionVsIntensity", "FlowVsFluctuation", "GroupingVariance"),
    *("NeuronClusters", "NeuronsPerPixel", "PixelsPerNeuron", "Reconstructions", "Report", "ThingsAndStuff"),
    *("Progress", "FrameWriter", "NeuronCluster", "lightning.pytorch.callbacks.Timer", "pathlib.Path", ""),
]
ARGUMENTS = [
    "every_n_epochs",
    "layers",
    "frame",
    "frames",
    "neurons",
    "seed",
    "steps",
    "grid",
    "shifts",
    "clusters",
    "bits",
    "fps",
    "partitions",
    "convention",
    "laiers",
]
TRAINER = [
    "max_epochs",
    "max_steps",
    "check_val_every_n_epoch",
    "log_every_n_steps",
    "precision",
    "gradient_clip_val",
    "accumulate_grad_batches",
    "max_epoch",
]

plausible = (
    st.integers(-1, 40)
    | st.lists(st.integers(-1, 20), max_size=3)
    | st.sampled_from([True, 0.5, 1e9, "head", ["head"], ["block9"], [[1]]])
)
"""Values that pass the parser more often than anything does."""


def sometimes(names: list[str], most: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """A few of the names with anything as their value."""
    changes = st.dictionaries(
        st.sampled_from(names), plausible | plausible | plausible | values, max_size=most
    )
    return st.just({}) | st.just({}) | changes


def changed(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The base with what is changed in it."""
    return {**base, **change}


def configs(folder: Path) -> st.SearchStrategy[str]:
    """Texts of config files: sound but for a few values, of another structure, or no YAML at all."""
    nerv = {"target_bpp": 600.0, "strides": [4, 2, 2], "output": "tanh", "loss": "l2"}
    model = st.builds(
        lambda path, change: {"class_path": path, "init_args": changed(nerv, change)},
        st.sampled_from(["NeRVModule"] * 20 + MODULES),
        sometimes(MODEL),
    )
    data = sometimes(DATA).map(
        lambda change: changed({"path": str(folder), "frames": "0:3", "resize": [16, 32]}, change)
    )
    callback = st.builds(
        lambda name, change: {"class_path": name, "init_args": change},
        st.sampled_from(CALLBACKS),
        sometimes(ARGUMENTS),
    )
    trainer = st.builds(
        lambda change, callbacks: changed(
            {"max_epochs": 1, "logger": False, "enable_progress_bar": False, "callbacks": callbacks}, change
        ),
        sometimes(TRAINER),
        st.lists(callback, max_size=2) | st.lists(callback, max_size=2) | st.just([]) | values,
    )
    sound = st.fixed_dictionaries({"model": model, "data": data, "trainer": trainer})
    extra = st.builds(
        changed,
        sound,
        st.dictionaries(
            st.sampled_from(["name", "seed_everything", "modle", "ckpt_path", "optimizer"]) | words,
            values,
            max_size=2,
        ),
    )
    replaced = st.builds(
        changed, sound, st.dictionaries(st.sampled_from(["model", "data", "trainer"]), values, max_size=1)
    )
    dumped = (sound | sound | sound | sound | extra | replaced | values).map(
        lambda c: yaml.safe_dump(c, allow_unicode=True)
    )
    damaged = st.builds(
        lambda text, place, junk: text[: place % (len(text) + 1)] + junk + text[place % (len(text) + 1) :],
        dumped,
        st.integers(0, 2000),
        st.sampled_from(
            [
                "{",
                "]",
                ": :",
                "\t",
                "&a *a",
                "!!python/object:os.system",
                "%",
                "- -",
                "\x00",
                "'",
                "*",
                "<<: *x",
                "\ufeff",
            ]
        ),
    )
    return dumped | dumped | dumped | damaged | st.text(max_size=30)


@cache
def command_line() -> Any:
    """The training command line, with its parser built and nothing parsed yet."""
    from xinc_lightning.cli import training as training_cli

    class BuiltError(BaseException):
        pass

    def stop(cli: Any, *_: Any) -> None:
        raise BuiltError(cli)

    whole = training_cli.TrainingCLI.parse_arguments
    training_cli.TrainingCLI.parse_arguments = stop  # type: ignore[method-assign]
    try:
        training_cli.run(["fit"])
    except BuiltError as built:
        return built.args[0]
    finally:
        training_cli.TrainingCLI.parse_arguments = whole  # type: ignore[method-assign]


def try_config(text: str | bytes, folder: Path) -> None:
    """Everything that ``xinc fit --config`` does before the first epoch, except opening loggers."""
    from xinc_lightning.cli import training as training_cli

    path = folder / "config.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    cli = command_line()
    said = io.StringIO()
    with (
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.chdir(folder),
    ):
        try:
            with training_cli.one_line_errors():
                cli.parse_arguments(cli.parser, ["fit", "--config", str(path)])
                cli.subcommand = "fit"
                cli._parse_ckpt_path()
                cli._set_seed()
                cli.before_instantiate_classes()
                cli.instantiate_classes()
            OUTCOMES["configs accepted"] += 1
        except SystemExit as stop:
            lines = said.getvalue().strip().splitlines()
            assert stop.code in (1, 2), stop.code
            assert len(lines) == 1, lines
            assert lines[0].startswith("xinc: error: "), lines
            OUTCOMES["configs refused"] += 1
        finally:
            unlock()
            shutil.rmtree(folder / "runs", ignore_errors=True)


# --- pictures, masks and films ---------------------------------------------------------------------------------------

MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F"]
FORMATS = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "TIFF": ".tif",
    "BMP": ".bmp",
    "WEBP": ".webp",
    "PPM": ".ppm",
    "GIF": ".png",
    "AVIF": ".avif",
}


FILMS = [
    (".mp4", "libx264"),
    (".mkv", "ffv1"),
    (".webm", "libvpx-vp9"),
    (".ts", "mpeg2video"),
    (".avi", "mpeg4"),
]


@cache
def film_of(suffix: str, codec: str) -> bytes:
    """A valid video of eight frames."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film{suffix}"
        with av.open(str(path), "w") as file:
            stream: Any = file.add_stream(codec, 25)
            stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
            for seed in range(8):
                noise = np.random.default_rng(seed).integers(0, 256, (32, 48, 3), np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
            file.mux(stream.encode())
        return path.read_bytes()


@st.composite
def image_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A suffix and what a file of that name holds: sound, cut off, with flipped bytes, or nonsense."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([".png", ".jpg", ".tif", ".mp4"])), draw(st.binary(max_size=200))
    if draw(st.integers(0, 3)) == 0:
        suffix, codec = draw(st.sampled_from(FILMS))
        film = bytearray(film_of(suffix, codec))
        if draw(st.booleans()):
            film = film[: draw(st.integers(0, len(film)))]
        for _ in range(draw(st.integers(0, 6)) if film else 0):
            film[draw(st.integers(0, len(film) - 1))] = draw(st.integers(0, 255))
        return suffix, bytes(film)
    mode, kind = draw(st.sampled_from(MODES)), draw(st.sampled_from(sorted(FORMATS)))
    size = (draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    seed = draw(st.integers(0, 2**16))
    noise = np.random.default_rng(seed).integers(0, 65536, (size[1], size[0]))
    if mode in ("I", "I;16", "F"):
        image = Image.fromarray(noise.astype({"I": np.int32, "I;16": np.uint16, "F": np.float32}[mode]))
    else:
        colours = np.stack([noise >> s & 255 for s in (0, 3, 6)], -1).astype(np.uint8)
        try:
            image = Image.fromarray(colours).convert(mode)
        except ValueError:
            image = Image.fromarray(colours)
    buffer = io.BytesIO()
    try:
        image.save(buffer, kind)
    except (OSError, ValueError, KeyError):
        image.convert("RGB").save(buffer, kind)
    content = bytearray(buffer.getvalue())
    damage = draw(st.sampled_from(["none", "cut", "flip", "header", "huge", "swap"]))
    if damage == "cut":
        content = content[: draw(st.integers(0, len(content)))]
    elif damage in ("flip", "header"):
        for _ in range(draw(st.integers(1, 6))):
            place = draw(st.integers(0, min(len(content), 64 if damage == "header" else len(content)) - 1))
            content[place] = draw(st.integers(0, 255))
    elif damage == "huge" and kind == "PNG":  # a header that promises gigabytes
        import zlib

        content[16:24] = draw(st.integers(0, 2**32 - 1)).to_bytes(4, "big") * 2
        content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    suffix = (
        FORMATS[kind] if damage != "swap" else draw(st.sampled_from([".png", ".jpg", ".tif", ".mp4", ".avi"]))
    )
    return suffix, bytes(content)


SEGMENTS = ["id", "name", "category", "isthing"]
segment_files = (
    st.none()
    | st.binary(max_size=40)
    | st.fixed_dictionaries(
        {"segments": values | st.lists(sometimes(SEGMENTS, 4), max_size=3)}, optional={"void": values}
    ).map(lambda content: json.dumps(content).encode())
    | values.map(lambda content: json.dumps(content).encode())
)


def try_files(
    frames: list[tuple[str, bytes]], masks: list[tuple[str, bytes]], segments: bytes | None, folder: Path
) -> None:
    """Open a folder of these frames and masks as a user's own clip, list it and read it."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        clip, mask = Path(name) / "clip", Path(name) / "masks"
        for place, files in ((clip, frames), (mask, masks)):
            place.mkdir()
            for i, (suffix, content) in enumerate(files):
                (place / f"{i:03d}{suffix}").write_bytes(content)
        if segments is not None:
            (mask / "segments.json").write_bytes(segments)
        given_masks = mask if masks or segments is not None else None
        refused = 0
        for path, of in ((clip, given_masks), (clip / f"000{frames[0][0]}", None)):
            try:
                list_clips(path, of)
                files_found = open_clip(path, masks=of)
                loaded = load_clip(files_found, resize=(8, 8))
                assert 0 <= float(loaded.frames.min()) <= float(loaded.frames.max()) <= 1
            except DataError as error:
                assert "\n" not in str(error), str(error)
                refused += 1
        OUTCOMES["files refused" if refused else "files accepted"] += 1


# --- annotation files of datasets ---------------------------------------------------------------------------


@st.composite
def annotations(draw: st.DrawFn) -> bytes:
    """A COCO-panoptic JSON, sound but for a few values, cut off, or anything."""
    segment = st.fixed_dictionaries({"id": st.just(7) | values, "category_id": st.just(1) | values})
    image_id = st.just("0005_0025_city_000000_000004") | values
    content = draw(
        st.fixed_dictionaries(
            {
                "categories": st.just([{"id": 1, "name": "car", "isthing": 1}]) | values,
                "images": st.just([{"id": "0005_0025_city_000000_000004", "file_name": "a.png"}]) | values,
                "annotations": st.lists(
                    st.fixed_dictionaries(
                        {
                            "image_id": image_id,
                            "file_name": st.just("m.png") | values,
                            "segments_info": st.lists(segment, max_size=2) | values,
                        }
                    ),
                    max_size=2,
                )
                | values,
                "videos": values
                | st.just([{"video_id": "0005", "images": [{"id": "0", "file_name": "a.png"}]}]),
            }
        )
        | values
    )
    text = json.dumps(content).encode()
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) and draw(st.booleans()) else text


def try_annotations(content: bytes, folder: Path) -> None:
    """List and open a dataset with this annotation file, in each of the two layouts that have one."""
    refused = False
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for json_file, folders in (
            ("panoptic_gt_val_city_vps.json", ["val/img", "val/panoptic_video"]),
            ("panoptic_gt_VIPSeg.json", ["images/0005", "panomasksRGB/0005"]),
        ):
            root = Path(name) / json_file.split(".")[0]
            for inner in folders:
                (root / inner).mkdir(parents=True)
                Image.new("RGB", (8, 8), (7, 0, 0)).save(
                    root / inner / ("m.png" if "pan" in inner else "a.png")
                )
            (root / json_file).write_bytes(content)
            try:
                clips = list_clips(root)
                for clip in clips:
                    load_clip(open_clip(root, clip.id), resize=(8, 8))
            except DataError as error:
                assert "\n" not in str(error), str(error)
                refused = True
    OUTCOMES["annotations refused" if refused else "annotations accepted"] += 1


# --- running ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """No more memory than ``MEMORY`` beyond what is taken now."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def clip_folder(folder: Path) -> Path:
    """Three small pictures to train on."""
    clip = folder / "clip"
    clip.mkdir()
    for i in range(3):
        Image.new("RGB", (32, 16), (80 * i, 90, 40)).save(clip / f"{i}.png")
    return clip


def fuzzers(folder: Path) -> dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]]:
    """By kind, what is generated and what is done with it."""
    files = st.tuples(
        st.lists(image_files(), min_size=1, max_size=2),
        st.lists(image_files(), max_size=2),
        segment_files,
    )
    return {
        "configs": (configs(clip_folder(folder)), lambda text: try_config(text, folder)),
        "files": (files, lambda case: try_files(*case, folder)),
        "annotations": (annotations(), lambda content: try_annotations(content, folder)),
        "runs": (fuzz_runs.runs(), lambda case: fuzz_runs.try_run(case, folder, OUTCOMES)),
    }


def fuzz(kind: str, cases: int, folder: Path, derandomize: bool = False) -> None:
    """Try so many cases of a kind.

    Raises:
        AssertionError: for a case that is not rejected in one line, or any other exception of a case.
    """
    strategy, attempt = fuzzers(folder)[kind]

    @settings(
        max_examples=cases,
        deadline=None,
        derandomize=derandomize,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(strategy)
    def run(case: Any) -> None:
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attempt(case)
        assert time.process_time() - start < SECONDS, f"{time.process_time() - start:.0f} s"

    run()


def main() -> None:
    """Fuzz, and print the number of cases."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--only", choices=KINDS)
    options = parser.parse_args()
    for kind in [options.only] if options.only else KINDS:
        with tempfile.TemporaryDirectory() as name, limited():
            if kind == "runs":  # UMAP is compiled at its first use, which takes as long as a case may
                fuzz_runs.try_run(("umap", "nerv-001", []), Path(name), OUTCOMES)
                OUTCOMES.clear()
            fuzz(kind, options.cases, Path(name))
        print(kind, dict(OUTCOMES), flush=True)


if __name__ == "__main__":
    sys.exit(main())
