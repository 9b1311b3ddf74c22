"""Fixtures that several packages' tests share, and checks of every jaxtyping shape; long, as all share them."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # As many workers as cores: more threads, also of what the tests start, would wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import pytest
import skimage.data
import torch
import yaml
from jaxtyping import install_import_hook
from lightning.pytorch import LightningDataModule, Trainer
from safetensors.torch import load_file
from torch import nn

# Not the kernels: numba compiles plain functions only.
install_import_hook(
    [
        f"xinc_lightning.canvas.{module}"
        for module in (
            "chain",
            "conv",
            "effects",
            "linear",
            "resampling",
            "statistics",
            "streams",
            "sweep",
            "trace",
        )
    ],
    "beartype.beartype",
)
install_import_hook("xinc_lightning.analyses", "beartype.beartype")

from xinc_lightning.canvas import Canvas, LayerCanvas  # noqa: E402  (after the import hook)
from xinc_lightning.cli.main import main  # noqa: E402
from xinc_lightning.data import PanopticClip, Segment  # noqa: E402  (after the import hook)
from xinc_lightning.figures import Figure, Renderer, png_now, renderer  # noqa: E402
from xinc_lightning.modules import INRModule  # noqa: E402
from xinc_lightning.networks import ConvLayer, LinearLayer, NeRV  # noqa: E402
from xinc_lightning.runs.checkpoint_file import CheckpointFile  # noqa: E402
from xinc_lightning.studies.fleet.fit import header  # noqa: E402
from xinc_lightning.studies.fleet.plan import Cell  # noqa: E402
from xinc_lightning.studies.fleet.state import command, log_of, newest_runs  # noqa: E402

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def golden() -> Path:
    """Arrays computed by the authors' released code from our own random weights."""
    return ROOT / "tests" / "golden"


@pytest.fixture
def golden_nerv(golden) -> NeRV:
    """The network of the golden maps, whose time and angles were float32."""
    nerv = NeRV.from_released(load_file(golden / "nerv_tiny.safetensors"), 16, 32, output="identity")
    nerv.encoding.precision = torch.float32
    return nerv


@pytest.fixture(scope="session")
def shared_golden() -> Path:
    """Arrays computed by the authors' released code from their weights, which may not be committed."""
    folder = Path(os.environ.get("XINC_SHARED", ROOT.parent / "shared")) / "data" / "golden"
    if not folder.is_dir():
        pytest.skip("the authors' own weights may not be committed and are not beside this repository")
    return folder


@pytest.fixture
def tiny_clip(tmp_path) -> Path:
    """A folder of six 16×32 pictures: a disc moving over a gradient."""
    folder = tmp_path / "tiny clip"
    folder.mkdir()
    ramp = np.linspace(0, 200, 32, dtype=np.uint8)
    for i in range(6):
        picture = np.stack(
            [np.broadcast_to(ramp, (16, 32)), np.full((16, 32), 90), np.full((16, 32), 40)], -1
        )
        picture = cv2.circle(np.ascontiguousarray(picture, np.uint8), (6 + 4 * i, 8), 4, (230, 30, 200), -1)
        cv2.imwrite(str(folder / f"{i:05d}.png"), picture)
    return folder


@pytest.fixture
def masked_clip(tiny_clip) -> tuple[Path, Path]:
    """The same with a mask of the disc and the ground for every picture: folders of pictures and of masks."""
    masks = tiny_clip.parent / "masks"
    masks.mkdir()
    for i, path in enumerate(sorted(tiny_clip.iterdir())):
        mask = cv2.circle(np.ones((16, 32), np.uint8), (6 + 4 * i, 8), 4, 2, -1)
        cv2.imwrite(str(masks / path.name), mask)
    return tiny_clip, masks


def draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = renderer.png(Figure((1, 1)))
    monkeypatch.setattr(renderer, "png", lambda figure: blank)
    monkeypatch.setattr(Renderer, "png", lambda self, figure: png_now(figure))


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are made, but not drawn, which takes most of the time of tiny runs; their files hold a blank one."""
    draw_nothing(monkeypatch)


@pytest.fixture(scope="module")
def undrawn_module():
    """The same for what a module's tests share."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        draw_nothing(monkeypatch)
        yield


ANALYSES = (
    *(
        "Reconstructions",
        "ContributionMaps",
        "GroupingVariance",
        "ContributionVsIntensity",
        "PixelsPerNeuron",
    ),
    *("NeuronsPerPixel", "ThingsAndStuff", "FlowVsFluctuation", "NeuronClusters"),
)


@pytest.fixture
def watched_config(masked_clip, tmp_path):
    """Write the config of a tiny network with all analyses; returns its path."""

    def write(
        model: str, name: str, analyses=ANALYSES, order=list, batch_size: int | None = 2, **trainer
    ) -> Path:
        pictures, masks = masked_clip
        parameters = {"NeRVModule": 12_000, "HNeRVModule": 30_000}.get(model, 400)
        package = "xinc_lightning.callbacks"
        options = {"every_n_epochs": 2}
        more = {"GroupingVariance": {"shifts": 2}, "NeuronClusters": {"max_neurons": 60, "clusters": 8}}
        config = {
            "name": name,
            "seed_everything": 3,
            "model": {
                "class_path": f"xinc_lightning.modules.{model}",
                "init_args": {"target_parameters": parameters},
            },
            "data": {
                **{"path": str(pictures), "masks": str(masks), "frames": "all"},
                **{"resize": [16, 32], "batch_size": batch_size},
            },
            "trainer": {
                "accelerator": "cpu",
                "max_epochs": 3,
                "num_sanity_val_steps": 0,
                "log_every_n_steps": 1,
                "enable_model_summary": False,
                "logger": [{"class_path": f"{package}.MetricsFile"}],
                "callbacks": [
                    {"class_path": f"{package}.Progress"},
                    {"class_path": f"{package}.Checkpoints"},
                    *(
                        {"class_path": f"{package}.{name}", "init_args": options | more.get(name, {})}
                        for name in order(analyses)
                    ),
                    {"class_path": f"{package}.Report"},
                ],
                **trainer,
            },
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    return write


@pytest.fixture
def xinc(tmp_path):
    """Run the command line in a process of its own, in the test's folder."""

    def run(*args: str | Path, timeout: float = 3000) -> subprocess.CompletedProcess[str]:
        # Threads that wait do not spin: several processes on few cores would spend their time on that.
        env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "OMP_WAIT_POLICY": "PASSIVE"}
        command = [sys.executable, "-m", "xinc_lightning", *map(str, args)]
        return subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture(scope="session")
def painted():
    """A layer that paints given maps [neurons, height, width], one a neuron, traced by the real canvas."""

    def paint(maps: torch.Tensor) -> LayerCanvas:
        linear = torch.nn.Linear(len(maps), 1, bias=False)
        torch.nn.init.ones_(linear.weight)
        canvas = Canvas(linear, [LinearLayer("toy", linear, None)])
        return canvas.at(maps.permute(1, 2, 0).float())["toy"]

    return paint


@pytest.fixture(scope="session")
def painted_frame(painted):
    """The same at its one frame."""
    return lambda maps: painted(maps).at(0)


@pytest.fixture(autouse=True)
def _no_wandb_of_the_developer(monkeypatch, tmp_path):
    """No test logs to anybody's account, and none sees another's run."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    yield
    if "wandb" in sys.modules:
        import wandb

        wandb.finish()


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def save_checkpoint() -> Callable[[INRModule, PanopticClip, Path], Path]:
    """Write a module's checkpoint as a trainer that was given the clip would; returns its path."""

    def save(module: INRModule, clip: PanopticClip, path: Path) -> Path:
        trainer = Trainer(
            accelerator="cpu", logger=False, enable_checkpointing=False, plugins=[CheckpointFile()]
        )
        trainer.datamodule = LightningDataModule()
        trainer.datamodule.clip = clip
        trainer.strategy.connect(module)
        module.trainer = trainer
        trainer.save_checkpoint(path)
        return path

    return save


HEIGHT, WIDTH, FRAMES = 48, 96, 4
MOTION = {"astronaut": (3, 0), "cat": (-2, 1)}
"""Pixels right and down a frame."""


@dataclass(frozen=True)
class Scene:
    """A clip of which everything is known: pictures moving over a still wall, the cat gone in the end.

    Attributes:
        clip: its frames and masks.
        parts: [frames, segments, 3, height, width] the picture of each segment alone, 0 elsewhere.
        flow: by position of the later frame, [2, height, width].
    """

    clip: PanopticClip
    parts: torch.Tensor
    flow: dict[int, np.ndarray]


class Painter(nn.Module):
    """A network whose neuron (segment, colour) paints that segment in that colour, and nothing else."""

    def __init__(self, parts: torch.Tensor) -> None:
        super().__init__()
        self.parts = parts
        segments = parts.shape[1]
        self.head = nn.Conv2d(3 * segments, 3, 1, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(torch.eye(3).repeat(1, segments)[..., None, None])

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.head(self.parts[frames].flatten(1, 2))

    def canvas_layers(self) -> list[ConvLayer]:
        return [ConvLayer("head", self.head)]


def _crop(picture: np.ndarray, rows: slice, columns: slice, height: int, width: int) -> np.ndarray:
    part = cv2.resize(picture[rows, columns], (width, height), interpolation=cv2.INTER_AREA)
    return np.broadcast_to(part.reshape(height, width, -1), (height, width, 3)).astype(np.float32) / 255


@pytest.fixture(scope="session")
def scene() -> Scene:
    """Pictures that come with scikit-image, moving as ``MOTION`` says."""
    every = slice(None)
    wall = _crop(skimage.data.brick(), every, every, HEIGHT, WIDTH)
    pictures = {
        "astronaut": _crop(skimage.data.astronaut(), slice(0, 256), slice(96, 352), 24, 24),
        "cat": _crop(skimage.data.chelsea(), slice(20, 280), slice(90, 350), 18, 22),
    }
    places = {"astronaut": (6, 8), "cat": (20, 66)}
    segments = (
        Segment(1, "wall", "wall", False),
        Segment(2, "astronaut", "person", True),
        Segment(3, "cat", "animal", True),
    )
    frames, masks, parts, flow = [], [], [], {}
    for t in range(FRAMES):
        frame, mask = wall.copy(), np.ones((HEIGHT, WIDTH), np.int64)
        for segment in segments[1:]:
            if segment.name == "cat" and t == FRAMES - 1:
                continue
            (row, column), (right, down) = places[segment.name], MOTION[segment.name]
            picture = pictures[segment.name]
            rows = slice(row + t * down, row + t * down + len(picture))
            columns = slice(column + t * right, column + t * right + picture.shape[1])
            frame[rows, columns], mask[rows, columns] = picture, segment.id
        if masks:
            flow[t] = np.zeros((2, HEIGHT, WIDTH), np.float32)
            for segment in segments[1:]:
                flow[t][:, masks[-1].numpy() == segment.id] = np.array(MOTION[segment.name])[:, None]
        frames.append(torch.from_numpy(frame).permute(2, 0, 1))
        masks.append(torch.from_numpy(mask))
        parts.append(torch.stack([frames[-1] * (masks[-1] == segment.id) for segment in segments]))
    clip = PanopticClip("scene", torch.stack(frames), segments, tuple(masks))
    return Scene(clip, torch.stack(parts), flow)


@pytest.fixture
def painter(scene: Scene) -> Painter:
    """The network that stores the scene, a neuron for each colour of each segment."""
    return Painter(scene.parts)


class InThisProcess:
    """An engine of a fleet for tests: one fit after another, without the seconds in which a process starts."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.commands: list[list[str]] = []

    @property
    def busy(self) -> bool:
        return bool(self.cells)

    def submit(self, cells: Sequence[Cell]) -> None:
        self.cells = [*cells]

    def wait(self, seconds: float) -> list[tuple[Cell, int]]:
        cell = self.cells.pop(0)
        log = log_of(cell)
        log.parent.mkdir(parents=True, exist_ok=True)
        self.commands.append(command(cell, newest_runs(cell.runs).get(cell.name)))
        code = 0
        argv = sys.argv
        with log.open("a") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            file.write(header())
            try:
                main(self.commands[-1])
            except SystemExit as end:
                code = int(end.code or 0)
        sys.argv = argv
        return [(cell, code)]

    def stop(self, at_once: bool = False) -> None:
        self.cells = []

    def close(self) -> None:
        assert not self.cells


@pytest.fixture(scope="session")
def in_this_process() -> type[InThisProcess]:
    """See :class:`InThisProcess`."""
    return InThisProcess
