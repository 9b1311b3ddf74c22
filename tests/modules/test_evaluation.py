"""Quality and size of a trained network."""

import math

import pytest
import skimage.data
import torch
from skimage.metrics import structural_similarity
from torchmetrics.functional import structural_similarity_index_measure
from torchmetrics.image import StructuralSimilarityIndexMeasure

from xinc_lightning.data import PanopticClip
from xinc_lightning.modules import FFNModule, NeRVModule, quality
from xinc_lightning.modules.evaluation import evaluate
from xinc_lightning.modules.quality import psnr, ssim, update_in_parts


def test_psnr_is_the_mean_over_frames():
    truth = torch.zeros(2, 3, 4, 4)
    prediction = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.01)])
    assert psnr(prediction, truth) == pytest.approx(30.0, abs=1e-4)


@pytest.mark.parametrize(
    "module",
    [
        NeRVModule(target_parameters=12_000, clip_shape=[2, 16, 32]),
        FFNModule(target_parameters=2000, clip_shape=[2, 16, 32]),
    ],
    ids=["nerv", "ffn"],
)
def test_fewer_bits_cost_less_and_lose_more(module):
    with torch.no_grad():
        frames = module.reconstruct()
    results = {bits: evaluate(module, PanopticClip("own", frames), bits) for bits in (3, 8, 12)}
    assert results[3].coded_bytes < results[8].coded_bytes < results[12].coded_bytes
    assert results[3].quantized_psnr < results[8].quantized_psnr < results[12].quantized_psnr
    eight = results[8]
    assert eight.quantized_psnr > 20
    assert eight.psnr == float("inf")
    assert eight.coded_bpp == pytest.approx(8 * eight.coded_bytes / (2 * 16 * 32))
    assert torch.equal(module.reconstruct(), frames)  # the evaluated network keeps its float weights


def test_frames_too_small_for_ssim_have_none():
    module = FFNModule(target_parameters=400, clip_shape=[1, 1, 7])
    result = evaluate(module, PanopticClip("thin", torch.rand(1, 3, 1, 7)))
    assert math.isnan(result.ssim)
    assert math.isfinite(result.psnr)


def test_ssim_takes_one_frame_at_a_time(monkeypatch):
    """Its windows take a hundred times a frame's memory, so that of a clip's at once would grow with its length."""
    taken = []

    def recorded(prediction, target, **options):
        taken.append((len(prediction), len(target)))
        return structural_similarity_index_measure(prediction, target, **options)

    monkeypatch.setattr(quality, "structural_similarity_index_measure", recorded)
    clip, other = torch.rand(5, 3, 16, 16), torch.rand(5, 3, 16, 16)
    assert ssim(clip, other) == pytest.approx(
        float(structural_similarity_index_measure(clip, other, data_range=1.0)), abs=1e-6
    )
    assert taken == [(1, 1)] * 5


def test_quality_of_a_long_clip_is_taken_a_few_frames_at_a_time(monkeypatch):
    clip, other = torch.rand(7, 3, 16, 16), torch.rand(7, 3, 16, 16)
    taken = []

    class Recorded(StructuralSimilarityIndexMeasure):
        def update(self, preds, target):
            taken.append(len(preds))
            super().update(preds, target)

    update_in_parts(at_once := Recorded(data_range=1.0), clip, other)
    monkeypatch.setattr(quality, "MOST_BYTES", 2 * quality.WINDOWS * clip[0].nbytes)
    update_in_parts(in_parts := Recorded(data_range=1.0), clip, other)
    assert taken == [7, 2, 2, 2, 1]
    torch.testing.assert_close(in_parts.compute(), at_once.compute(), rtol=1e-6, atol=0)

    expected = psnr(clip, other)
    monkeypatch.setattr(quality, "TOGETHER", 2)
    assert psnr(clip, other) == pytest.approx(expected, rel=1e-6)


def test_ssim_counts_mirrored_borders():
    """As skimage's whole map of it does; skimage itself then leaves out the margin."""
    clean = torch.from_numpy(skimage.data.chelsea()[:96:2, :128:2] / 255).permute(2, 0, 1)[None].float()
    noisy = (clean + 0.1 * torch.randn(clean.shape)).clamp(0, 1)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    cropped, everywhere = structural_similarity(
        noisy[0].numpy(), clean[0].numpy(), channel_axis=0, full=True, **options
    )
    assert ssim(noisy, clean) == pytest.approx(everywhere.mean(), abs=2e-3)
    assert abs(everywhere.mean() - cropped) > 2e-3
