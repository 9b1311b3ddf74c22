"""The FFN and the stack that trains many at once."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from xinc_lightning.networks import FFN, FFNStack, pixel_grid


def test_released_weights_render_the_released_image(golden):
    ffn = FFN.from_released(load_file(golden / "ffn_tiny.safetensors"))
    image = np.load(golden / "ffn_tiny_maps.npz")["image"]
    np.testing.assert_allclose(ffn(pixel_grid(16, 32)).detach(), image, atol=1e-6)


def test_cityscapes_checkpoint_renders_its_image_of_36_dB(shared_golden):
    """The rendering is the authors' own to 60 dB and more, so its PSNR against the frame is theirs too."""
    ffn = FFN.from_released(load_file(shared_golden / "ffn_cityscapes_0005.safetensors"))
    image = np.load(shared_golden / "ffn_cityscapes_0005_maps.npz")["image"]
    np.testing.assert_allclose(ffn(pixel_grid(128, 256)).detach(), image, atol=1e-5)


def test_stack_renders_like_its_single_networks():
    torch.manual_seed(0)
    stack = FFNStack(frames=3, width=8).double()
    for parameter in stack.parameters():
        torch.nn.init.normal_(parameter)
    grid = pixel_grid(3, 5).double()
    with torch.no_grad():
        folded = stack.encoding.folded(3, 5)
        together = stack(folded)
        for i in range(3):
            alone = stack.frame(i)(grid).reshape(-1, 3).T
            torch.testing.assert_close(together[i], alone, atol=1e-10, rtol=0)
        torch.testing.assert_close(stack(folded, torch.tensor([2, 0])), together[[2, 0]])
        torch.testing.assert_close(stack(folded, torch.tensor([1])), together[[1]])


def test_stack_needs_a_frame():
    with pytest.raises(ValueError, match="frames must be at least 1, got 0"):
        FFNStack(frames=0)


def test_canvas_layers_name_every_layer_and_only_the_last_is_linear():
    layers = FFN(width=8).canvas_layers()
    assert [(layer.name, layer.activation is None) for layer in layers] == [
        ("layer1", False),
        ("layer2", False),
        ("layer3", True),
    ]


def test_taking_a_frame_out_draws_no_random_numbers():
    stack = FFNStack(2, width=5).double()
    before = torch.get_rng_state()
    frame = stack.frame(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert {p.dtype for p in frame.state_dict().values()} == {torch.float64}
    assert torch.equal(frame.layers[0].weight, stack.weights[0][1])
