import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xinc_lightning.data import DataError, load_clip, open_clip, optical_flow

ANNOTATED = [4, 9, 14, 19, 24, 29]


@pytest.mark.parametrize("wide", [False, True], ids=["panoptic_video", "panoptic_inst"])
def test_the_scene_comes_back_exactly(cityscapes, painted, wide):
    if wide:
        for mask in (cityscapes.root / "val" / "panoptic_video").iterdir():
            mask.unlink()
        (cityscapes.root / "val" / "panoptic_video").rmdir()
    clip = load_clip(open_clip(cityscapes.root, "0005"), crop=None, resize=None)
    assert len(clip) == 30
    assert list(clip.annotated) == ANNOTATED
    ids = {segment.name: segment.id for segment in clip.segments}
    assert set(ids) == {"road", "sky", "person_crowd_0", "car_0", "car_1"}
    if not wide:
        assert ids == cityscapes.ids
    assert {s.name for s in clip.segments if s.isthing} == {"person_crowd_0", "car_0", "car_1"}
    assert {s.name: s.category for s in clip.segments}["car_1"] == "car"
    for t in ANNOTATED:
        parts = painted.parts(t)
        for name, where in parts.items():
            np.testing.assert_array_equal(
                clip.masks[t].numpy() == ids.get(name, 0), where, err_msg=f"{name} at {t}"
            )
        assert ("car_1" in parts) == bool((clip.masks[t] == ids["car_1"]).any())
    for t in range(30):
        np.testing.assert_array_equal(
            (clip.frames[t] * 255).round().byte().permute(1, 2, 0), painted.picture(t)
        )


def test_annotated_frames_only_as_the_released_code_does(cityscapes):
    clip = load_clip(open_clip(cityscapes.root / "val", "0010"), annotated_only=True, resize=(12, 24))
    assert list(clip.indices) == ANNOTATED
    assert list(clip.annotated) == [0, 1, 2, 3, 4, 5]


def test_train_split_has_only_its_annotated_frames(tmp_path, cityscapes):
    (cityscapes.root / "val" / "img_all").rename(tmp_path / "elsewhere")
    clip = load_clip(open_clip(cityscapes.root, "0005"), resize=None)
    assert len(clip) == len(clip.annotated) == 6


def test_frames_of_a_neighbouring_snippet_are_left_out(cityscapes, save_image, painted):
    images = cityscapes.root / "val" / "img_all"
    for number in (1732 - 1, 1762 + 3, 1900):
        save_image(images / f"frankfurt_000000_{number:06d}_leftImg8bit.png", painted.picture(0))
    names = open_clip(cityscapes.root, "0005").frames.names
    # At most one spacing of five frames beyond the outermost annotated ones can belong to the clip.
    assert names[0] == "frankfurt_000000_001732_leftImg8bit"
    assert not any("001900" in name for name in names)


def test_flow_files_beside_the_frames(cityscapes):
    images = cityscapes.root / "val" / "img_all"
    np.save(images / "frankfurt_000000_001733_leftImg8bit.npy", np.full((24, 48, 2), 6, np.float32))
    clip = load_clip(open_clip(cityscapes.root, "0005"), resize=(12, 24))
    assert len(clip) == 30
    assert (optical_flow(clip, 2) == 3).all()


@pytest.mark.parametrize(("given", "found"), [(5, "0005"), ("0005", "0005"), ("10", "0010")])
def test_numbers_name_clips_too(cityscapes, given, found):
    assert open_clip(cityscapes.root, given).name == found


def test_both_splits_at_once(cityscapes):
    root = cityscapes.root
    (root / "val").rename(root / "train")
    cityscapes.annotations.rename(root / "panoptic_gt_train_city_vps.json")
    assert open_clip(root, "0005").masks
    with pytest.raises(DataError, match="has no clip '0006' among its 2; did you mean"):
        open_clip(root, "0006")


def first(folder: Path) -> Path:
    return sorted(folder.iterdir())[0]


def broken_id(dataset):
    def forget(content):
        del content["annotations"][0]["segments_info"][0]
        for annotation in content["annotations"]:
            annotation["segments_info"] = [s for s in annotation["segments_info"] if s["category_id"] != 13]

    dataset.edit(forget)


def unknown_category(dataset):
    dataset.edit(lambda content: content["annotations"][0]["segments_info"][0].update(category_id=77))


def changed_category(dataset):
    dataset.edit(lambda content: content["annotations"][0]["segments_info"][0].update(category_id=1))


def no_id(dataset):
    dataset.edit(lambda content: content["annotations"][0]["segments_info"][0].pop("id"))


def no_categories(dataset):
    dataset.edit(lambda content: content.pop("categories"))


def broken_category(dataset):
    dataset.edit(lambda content: content["categories"][0].pop("name"))


def strange_image(dataset):
    dataset.edit(lambda content: content["annotations"][0].update(image_id="x"))


def name_of_a_file_elsewhere(dataset):
    secret = dataset.root / "secret.png"
    secret.write_bytes(first(dataset.root / "val" / "img").read_bytes())
    (dataset.root / "val" / "img_all").rename(dataset.root / "elsewhere")
    dataset.edit(lambda content: [image.update(file_name=str(secret)) for image in content["images"]])


def missing_mask(dataset):
    first(dataset.root / "val" / "panoptic_video").unlink()


def missing_frame(dataset):
    (dataset.root / "val" / "img_all" / "frankfurt_000000_001736_leftImg8bit.png").unlink()
    first(dataset.root / "val" / "img").unlink()


def extra_mask(dataset):
    path = first(dataset.root / "val" / "panoptic_video")
    path.with_name("0005_9999_x_000000_000000_final_mask.png").write_bytes(path.read_bytes())


def truncated_mask(dataset):
    path = first(dataset.root / "val" / "panoptic_video")
    path.write_bytes(path.read_bytes()[:-60])


def small_mask(dataset):
    path = first(dataset.root / "val" / "panoptic_video")
    Image.open(path).crop((0, 0, 40, 20)).save(path)


def eight_bits(dataset):
    folder = dataset.root / "val"
    (folder / "panoptic_video").rename(folder / "elsewhere")
    Image.open(first(folder / "panoptic_inst")).convert("L").save(first(folder / "panoptic_inst"))


def cut_off_json(dataset):
    dataset.annotations.write_text(dataset.annotations.read_text()[:-200])


def no_json(dataset):
    dataset.annotations.unlink()


FAILURES = {
    broken_id: r"mask '.*0005_0025.*png' holds id \d+, which '.*panoptic_gt_val.*json' does not describe",
    unknown_category: r"segment 8405120 in '.*json' has category 77, which is not one of its 19 categories",
    changed_category: r"segment \d+ in '.*json' is 'sidewalk' in one frame and 'road' in another",
    no_id: r"a segment in '.*json' lacks 'id' or 'category_id'",
    no_categories: r"'.*json' is JSON but not laid out as .*'categories'",
    broken_category: r"a category in '.*json' lacks .*'name'",
    strange_image: r"'.*json' is JSON but not laid out as",
    name_of_a_file_elsewhere: r"'.*json' names '.*secret.png', which leads out of its folder",
    missing_mask: r"frame '.*001736_leftImg8bit.png' is annotated in '.*json', but '.*mask.png' is missing",
    missing_frame: r"mask '0005_0025_.*' of '.*json' belongs to no frame: there is no 'frankfurt_.*_001736_",
    extra_mask: r"mask '.*0005_9999_x_000000_000000_final_mask.png' has no annotation in '.*json'",
    truncated_mask: r"'.*0005_0025_.*png' is not a readable image: .*truncated",
    small_mask: r"mask '.*0005_0025.*png' has 20×40 pixels, but '.*001736_leftImg8bit.png' has 24×48",
    eight_bits: r"mask '.*png' is an 8-bit L image where 16-bit grey is due",
    cut_off_json: r"'.*json' is not complete JSON: .* at line 1",
    no_json: r"looks like Cityscapes-VPS without its panoptic_gt_val_city_vps.json",
}


@pytest.mark.parametrize("breakage", FAILURES, ids=lambda breakage: breakage.__name__)
def test_one_clear_sentence(cityscapes, breakage):
    breakage(cityscapes)
    with pytest.raises(DataError) as caught:
        load_clip(open_clip(cityscapes.root, "0005"), resize=(12, 24))
    assert re.search(FAILURES[breakage], str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_opening_a_clip_reads_only_its_files(cityscapes):
    for path in cityscapes.root.rglob("*"):
        if path.name.startswith("0010") or "lindau" in path.name:
            path.write_bytes(b"")
    assert len(load_clip(open_clip(cityscapes.root, "0005"), resize=(12, 24))) == 30
    assert json.loads(cityscapes.annotations.read_text())["images"][-1]["id"].startswith("0010")
