import json
import re

import numpy as np
import pytest

from xinc_lightning.data import DataError, load_clip, open_clip

CLIP = "1053_Zl-ÿ0"


@pytest.mark.parametrize("wide", [False, True], ids=["panomasksRGB", "panomasks"])
def test_the_scene_comes_back_exactly(vipseg, painted, wide):
    if wide:
        (vipseg.root / "panomasksRGB").rename(vipseg.root.parent / "elsewhere")
    clip = load_clip(open_clip(vipseg.root, CLIP), crop=None, resize=None)
    assert len(clip) == len(clip.annotated) == 15
    ids = {segment.name: segment.id for segment in clip.segments}
    # A group of people has no crowd flag here: one value of the mask is one segment.
    assert set(ids) == {"road", "sky", "person_0", "car_0", "car_1"}
    for position, t in enumerate(range(0, 30, 2)):
        for name, where in painted.parts(t).items():
            expected = ids.get("person_0" if name == "person_crowd_0" else name, 0)
            np.testing.assert_array_equal(
                clip.masks[position].numpy() == expected, where, err_msg=f"{name} at {t}"
            )
        np.testing.assert_allclose(clip.frames[position].permute(1, 2, 0) * 255, painted.picture(t), atol=12)


@pytest.mark.parametrize("where", ["", "..", "../.."])
def test_found_from_the_folders_around_it(vipseg, where):
    assert open_clip(vipseg.root / where, "0_wHBO8eMSsgo").name == "0_wHBO8eMSsgo"


def test_split_files_instead_of_the_whole(vipseg):
    content = json.loads(vipseg.annotations.read_text())
    vipseg.annotations.unlink()
    for split, i in (("train", 0), ("val", 1)):
        part = {"categories": content["categories"]} | {k: [content[k][i]] for k in ("videos", "annotations")}
        vipseg.annotations.with_name(f"panoptic_gt_VIPSeg_{split}.json").write_text(json.dumps(part))
    assert open_clip(vipseg.root, CLIP).masks
    assert open_clip(vipseg.root, "0_wHBO8eMSsgo").masks


def image(dataset):
    return dataset.root / "images" / CLIP / "00000050.jpg"


def mask(dataset):
    return dataset.root / "panomasksRGB" / CLIP / "00000050.png"


FAILURES = {
    "missing frame": (
        lambda d: image(d).unlink(),
        r"mask '.*00000050.png' belongs to no frame: there is no '.*jpg'",
    ),
    "missing mask": (
        lambda d: mask(d).unlink(),
        r"frame '.*00000050.jpg' has no mask: there is no '00000050' in",
    ),
    "extra mask": (
        lambda d: mask(d).with_name("9.png").write_bytes(mask(d).read_bytes()),
        r"mask '.*9.png' has no annotation in '.*json'",
    ),
    "extra frame": (
        lambda d: image(d).with_name("9.jpg").write_bytes(image(d).read_bytes()),
        r"frame '.*9.jpg' has no mask: there is no '9' in '.*json'",
    ),
    "no images": (lambda d: image(d).parent.rename(d.root / "x"), r"images/1053_.*' does not exist"),
    "empty clip": (
        lambda d: [path.unlink() for path in image(d).parent.iterdir()],
        r"images/1053_.*' holds no image .* so there is no frame",
    ),
    "no JSON": (lambda d: d.annotations.unlink(), r"looks like VIPSeg without its panoptic_gt_VIPSeg.json"),
    "truncated frame": (
        lambda d: image(d).write_bytes(image(d).read_bytes()[:400]),
        r"'.*00000050.jpg' is not a readable image: (?i:.*truncated)",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_one_clear_sentence(vipseg, name):
    breakage, message = FAILURES[name]
    breakage(vipseg)
    with pytest.raises(DataError) as caught:
        load_clip(open_clip(vipseg.root, CLIP), resize=(12, 24))
    assert re.search(message, str(caught.value)), str(caught.value)


def test_a_clip_elsewhere_is_refused(vipseg):
    image(vipseg).parent.rename(vipseg.root.parent / "elsewhere")
    content = json.loads(vipseg.annotations.read_text())
    next(v for v in content["annotations"] if v["video_id"] == CLIP)["video_id"] = "../../elsewhere"
    vipseg.annotations.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"json' names '../../elsewhere', which leads out of its folder"):
        open_clip(vipseg.root, "../../elsewhere")


def test_eight_bit_masks_instead_of_sixteen(vipseg):
    (vipseg.root / "panomasksRGB").rename(vipseg.root.parent / "elsewhere")
    from PIL import Image

    path = vipseg.root / "panomasks" / CLIP / "00000050.png"
    Image.open(path).convert("L").save(path)
    with pytest.raises(DataError, match=r"00000050.png' is an 8-bit L image where 16-bit grey is due"):
        open_clip(vipseg.root, CLIP)
