"""The FFN."""

import numpy as np
from safetensors.torch import load_file

from xinc_lightning.networks import FFN, pixel_grid


def test_released_weights_render_the_released_image(golden):
    ffn = FFN.from_released(load_file(golden / "ffn_tiny.safetensors"))
    image = np.load(golden / "ffn_tiny_maps.npz")["image"]
    np.testing.assert_allclose(ffn(pixel_grid(16, 32)).detach(), image, atol=1e-6)


def test_cityscapes_checkpoint_renders_its_image_of_36_dB(shared_golden):
    """The rendering is the authors' own to 60 dB and more, so its PSNR against the frame is theirs too."""
    ffn = FFN.from_released(load_file(shared_golden / "ffn_cityscapes_0005.safetensors"))
    image = np.load(shared_golden / "ffn_cityscapes_0005_maps.npz")["image"]
    np.testing.assert_allclose(ffn(pixel_grid(128, 256)).detach(), image, atol=1e-5)
