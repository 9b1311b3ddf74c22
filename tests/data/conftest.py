"""Miniature datasets in the layouts, names and bit depths of the official ones, of one known scene."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH, FRAMES = 24, 48, 30
Mask = NDArray[np.bool_]

CITYSCAPES = [
    *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation"),
    *("terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"),
]


def scene(t: int) -> dict[str, Mask]:
    """What is where in frame t, later entries in front; car_1 is away in frames 12 to 19."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    parts = {
        "sky": rows < HEIGHT // 2,
        "road": rows >= HEIGHT // 2,
        "person_crowd_0": (rows >= 8) & (rows < 16) & (columns >= 40),
        "car_0": (rows >= 12) & (rows < 20) & (columns >= t % 20 + 2) & (columns < t % 20 + 12),
        "void": columns < 2,
    }
    if t < 12 or t >= 20:
        parts["car_1"] = (rows >= 4) & (rows < 10) & (columns >= 20) & (columns < 30)
    taken = np.zeros((HEIGHT, WIDTH), bool)
    visible = {}
    for name in reversed(parts):
        visible[name] = parts[name] & ~taken
        taken |= parts[name]
    return visible


def picture(t: int) -> NDArray[np.uint8]:
    """Frame t: red tells its number, green left from right, blue top from bottom."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([np.full((HEIGHT, WIDTH), 8 * t), 5 * columns, 10 * rows], axis=2).astype(np.uint8)


def paint(t: int, values: dict[str, int], dtype: type = np.int64) -> NDArray[np.int64]:
    """Mask of frame t with a value for every part that has one, else 0."""
    mask = np.zeros((HEIGHT, WIDTH), dtype)
    for name, where in scene(t).items():
        mask[where] = values.get(name, 0)
    return mask


def colours(ids: NDArray[np.int64]) -> NDArray[np.uint8]:
    """R, G, B of ids R + 256·G + 65536·B."""
    return np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2).astype(np.uint8)


def save(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@dataclass
class Miniature:
    """A dataset on disk with, for one clip, the id of each part in its masks."""

    root: Path
    ids: dict[str, int] = field(default_factory=dict)
    annotations: Path = Path()

    def edit(self, change: Callable[[dict], None]) -> None:
        content = json.loads(self.annotations.read_text())
        change(content)
        self.annotations.write_text(json.dumps(content))


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "xinc_lightning"


@pytest.fixture
def frames_folder(tmp_path: Path) -> Path:
    """Six PNG frames in a folder whose name needs care."""
    for t in range(6):
        save(tmp_path / "mes vidéos ✓" / f"{t:05d}.png", picture(t))
    return tmp_path / "mes vidéos ✓"


# R + 256·G + 65536·B of these overflow 8, and partly 16, bits of arithmetic.
CITYSCAPES_IDS = {"sky": 180 * 65536 + 130 * 256 + 70, "road": 128 * 65536 + 64 * 256 + 128}
CITYSCAPES_IDS |= {
    "person_crowd_0": 60 * 65536 + 20 * 256 + 220,
    "car_0": 142 * 65536,
    "car_1": 65536 * 255 + 511,
}
CITYSCAPES_INST = {"sky": 10, "road": 0, "person_crowd_0": 11, "car_0": 13000, "car_1": 13001, "void": 255}
CITYSCAPES_CATEGORY = {"sky": 10, "road": 0, "person_crowd_0": 11, "car_0": 13, "car_1": 13}


def write_cityscapes(root: Path, split: str = "val") -> Miniature:
    images, annotations = [], []
    for clip, (sequence, first) in {"0005": ("frankfurt_000000", 1732), "0010": ("lindau_000007", 0)}.items():
        for t in range(FRAMES):
            if split == "val":
                save(root / split / "img_all" / f"{sequence}_{first + t:06d}_leftImg8bit.png", picture(t))
        for n, t in enumerate(range(4, FRAMES, 5)):
            # The twentieth frame is from Cityscapes itself and keeps its endings.
            mask_end, image_end = (
                ("_gtFine_color", "_leftImg8bit") if t == 19 else ("_final_mask", "_newImg8bit")
            )
            name = f"{clip}_{int(clip) * 5 + n:04d}_{sequence}_{first + t:06d}"
            save(root / split / "img" / f"{name}{image_end}.png", picture(t))
            save(
                root / split / "panoptic_inst" / f"{name}{mask_end}.png", paint(t, CITYSCAPES_INST, np.uint16)
            )
            ids = paint(t, CITYSCAPES_IDS)
            save(root / split / "panoptic_video" / f"{name}{mask_end}.png", colours(ids))
            images.append(
                {"id": name, "width": WIDTH, "height": HEIGHT, "file_name": f"{name}{image_end}.png"}
            )
            segments = [
                {"id": i, "category_id": CITYSCAPES_CATEGORY[part], "iscrowd": int(part == "person_crowd_0")}
                | {"area": int((ids == i).sum())}
                for part, i in sorted(CITYSCAPES_IDS.items(), key=lambda item: CITYSCAPES_INST[item[0]])
                if (ids == i).any()
            ]
            annotations.append(
                {"image_id": name, "file_name": f"{name}{mask_end}.png", "segments_info": segments}
            )
    categories = [
        {"id": i, "name": name, "isthing": int(i >= 11), "supercategory": "", "color": [i, i, i]}
        for i, name in enumerate(CITYSCAPES)
    ]
    path = root / f"panoptic_gt_{split}_city_vps.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return Miniature(root, CITYSCAPES_IDS, path)


@pytest.fixture
def cityscapes(tmp_path: Path) -> Miniature:
    return write_cityscapes(tmp_path / "données" / "cityscapes vps")


VIPSEG_VALUES = {"sky": 29, "road": 19, "person_crowd_0": 61, "car_0": 4900, "car_1": 4901}
VIPSEG_IDS = {
    "sky": 92 * 65536 + 9 * 256 + 255,
    "road": 7 * 65536 + 51 * 256 + 255,
    "person_crowd_0": 13_158_411,
}
VIPSEG_IDS |= {"car_0": 140 * 65793, "car_1": 141 * 65793}
VIPSEG_CLIP = "1053_Zl-ÿ0"


def write_vipseg(root: Path) -> Miniature:
    videos, annotations = [], []
    for clip, numbers in {"0_wHBO8eMSsgo": range(3), VIPSEG_CLIP: range(0, FRAMES, 2)}.items():
        entries = []
        for t in numbers:
            name = f"{25 * t:08d}"
            folder = root / "images" / clip
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(t)).save(folder / f"{name}.jpg", quality=95)
            save(root / "panomasks" / clip / f"{name}.png", paint(t, VIPSEG_VALUES, np.uint16))
            ids = paint(t, VIPSEG_IDS)
            save(root / "panomasksRGB" / clip / f"{name}.png", colours(ids))
            segments = [
                {
                    "id": i,
                    "category_id": category(VIPSEG_VALUES[part]),
                    "iscrowd": 0,
                    "area": int((ids == i).sum()),
                }
                for part, i in sorted(VIPSEG_IDS.items(), key=lambda item: VIPSEG_VALUES[item[0]])
                if (ids == i).any()
            ]
            entries.append({"image_id": name, "file_name": f"{name}.png", "segments_info": segments})
        images = [
            {"id": e["image_id"], "width": WIDTH, "height": HEIGHT, "file_name": e["file_name"]}
            for e in entries
        ]
        videos.append({"video_id": clip, "images": images})
        annotations.append({"video_id": clip, "annotations": entries})
    names = {18: "road", 28: "sky", 48: "car", 60: "person"}
    categories = [
        {"id": i, "name": names.get(i, f"category_{i}"), "isthing": int(i in (48, 60)), "color": [i, i, i]}
        for i in range(124)
    ]
    path = root / "panoptic_gt_VIPSeg.json"
    path.write_text(json.dumps({"videos": videos, "annotations": annotations, "categories": categories}))
    return Miniature(root, VIPSEG_IDS, path)


def category(value: int) -> int:
    return {29: 28, 19: 18, 61: 60, 4900: 48, 4901: 48}[value]


@pytest.fixture
def vipseg(tmp_path: Path) -> Miniature:
    return write_vipseg(tmp_path / "VIPSeg" / "VIPSeg_720P")


def write_davis(root: Path) -> Miniature:
    for clip in ("bear", "two cars"):
        for t in range(4):
            folder = root / "JPEGImages" / "480p" / clip
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(t)).save(folder / f"{t:05d}.jpg", quality=95)
            path = root / "Annotations" / "480p" / clip / f"{t:05d}.png"
            if clip == "bear":  # 2016: grey, 0 and 255
                save(path, paint(t, {"car_0": 255}, np.uint8))
            else:  # 2017: palette, 255 for pixels left out
                path.parent.mkdir(parents=True, exist_ok=True)
                indexed = Image.fromarray(paint(t, {"car_0": 1, "car_1": 2, "void": 255}, np.uint8), mode="L")
                indexed.putpalette([channel for i in range(256) for channel in (i, 255 - i, i // 2)])
                indexed.save(path)
    return Miniature(root, {"car_0": 1, "car_1": 2})


@pytest.fixture
def davis(tmp_path: Path) -> Miniature:
    return write_davis(tmp_path / "DAVIS")


@dataclass
class Scene:
    """The painted scene, for tests to compare with."""

    height: int = HEIGHT
    width: int = WIDTH

    def parts(self, t: int) -> dict[str, Mask]:
        return scene(t)

    def picture(self, t: int) -> NDArray[np.uint8]:
        return picture(t)


@pytest.fixture
def painted() -> Scene:
    return Scene()


@pytest.fixture
def save_image() -> Callable[[Path, NDArray[np.generic]], Path]:
    return save


# Films: every frame tells its number, in black and white bars that survive any codec.
BITS, BAR, ROWS = 10, 8, 32
RATE = Fraction(25)


def numbered(number: int) -> NDArray[np.uint8]:
    """A picture [32, 80, 3] whose bars are the bits of its number, over a noise that keeps encoders busy."""
    noise = np.random.default_rng(number).integers(0, 50, (ROWS, BITS * BAR, 3), np.uint8)
    bits = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8)
    return noise + 200 * np.repeat(bits, BAR)[None, :, None]


def number_of(picture: NDArray[np.uint8]) -> int:
    """Which frame this is."""
    bars = picture.astype(float).mean(axis=(0, 2)).reshape(BITS, BAR).mean(axis=1)
    return int(sum((bars > 120) << np.arange(BITS)))


def write_film(
    path: Path,
    codec: str,
    pictures: Sequence[NDArray[np.uint8]],
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    rotation: tuple[float, bool, bool] | None = None,
    container: dict[str, str] | None = None,
    tags: dict[str, int] | None = None,
    sound: float = 0,
    **options: str,
) -> Path:
    """Encode pictures [height, width, 3 or 4].

    Args:
        path: whose suffix says which container.
        codec: ffmpeg's name of the encoder.
        pictures: the frames.
        pixels: ffmpeg's name of the pixel format.
        times: of each frame, in 1/25 s.
        rotation: degrees, mirrored left to right, upside down.
        container: options of the container.
        tags: colorspace and color_range, to convert to and to write down.
        sound: seconds of silence beside the pictures.
        options: of the encoder.
    """
    height, width, channels = pictures[0].shape
    with av.open(str(path), "w", options=container or {}) as file:
        stream: Any = file.add_stream(codec, RATE, options=dict(options))
        stream.height, stream.width, stream.pix_fmt = height, width, pixels
        for tag, value in (tags or {}).items():
            setattr(stream.codec_context, tag, value)
        if rotation is not None:
            stream.set_display_rotation(rotation[0], hflip=rotation[1], vflip=rotation[2])
        silence: Any = file.add_stream("pcm_s16le", 8000, layout="mono") if sound else None
        to = {f"dst_{tag}": value for tag, value in (tags or {}).items()}
        for position, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba" if channels == 4 else "rgb24")
            frame = frame.reformat(format=pixels, **to)
            frame.pts = position if times is None else times[position]
            frame.time_base = 1 / RATE
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
        if silence is not None:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, int(8000 * sound)), np.int16), "s16", "mono")
            samples.sample_rate = 8000
            file.mux(silence.encode(samples))
            file.mux(silence.encode())
    return path


class Films:
    """Films made in a test, and which frame is which."""

    numbered = staticmethod(numbered)
    number_of = staticmethod(number_of)
    write = staticmethod(write_film)

    def write_numbered(self, path: Path, codec: str, frames: int = 30, **options: Any) -> Path:
        return write_film(path, codec, [numbered(i) for i in range(frames)], **options)

    def numbers(self, frames: Any, chosen: Sequence[int]) -> list[int]:
        return [number_of(frame) for frame in frames.read(chosen)]


@pytest.fixture
def films() -> Films:
    return Films()
