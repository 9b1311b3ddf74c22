"""Networks as self-contained files."""

import math
import struct
import zlib

import numpy as np
import pytest
import torch
from torch import Tensor

from xinc_lightning.compression.container import ClipFileError, pack, unpack
from xinc_lightning.data import PanopticClip
from xinc_lightning.modules import FFNModule, HNeRVModule, NeRVModule, SIRENModule
from xinc_lightning.modules.clip_file import decode_clip, digest_of, encode_clip, facts_of
from xinc_lightning.modules.evaluation import evaluate
from xinc_lightning.modules.quality import psnr


def clip_of_noise(frames: int = 2, indices: tuple[int, ...] = ()) -> PanopticClip:
    return PanopticClip("noise", torch.rand(frames, 3, 16, 32), indices=indices)


def network(kind, frames: int = 2, **options):
    parameters = {NeRVModule: 12_000, HNeRVModule: 30_000}.get(kind, 500)
    return kind(target_parameters=parameters, clip_shape=[frames, 16, 32], **options).eval()


@torch.no_grad()
def pruned(module):
    """The same with half of its kernels, or weights, and a whole input channel at zero."""
    for parameter in module.network.parameters():
        if parameter.ndim > module.channel_dims:
            lead = parameter.shape[: module.channel_dims + 1]
            parameter *= (torch.rand(lead) < 0.5).reshape(*lead, *[1] * (parameter.ndim - len(lead)))
            parameter[(slice(None),) * module.channel_dims + (0,)] = 0
    return module


def rendered(content: bytes) -> Tensor:
    with torch.no_grad():
        return decode_clip(content).module.reconstruct()


@pytest.mark.parametrize("bits", [4, 6, 8, 10, 12])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "pruned"])
@pytest.mark.parametrize("kind", [NeRVModule, FFNModule, SIRENModule, HNeRVModule])
def test_decoding_gives_exactly_the_frames_that_encoding_predicted(kind, cut, frames, bits):
    torch.manual_seed(1)
    clip, module = clip_of_noise(frames), network(kind, frames)
    module = pruned(module) if cut else module
    content, predicted = encode_clip(module, facts_of(clip), bits)
    torch.manual_seed(2)  # nor does the decoder know the seed of an FFN's frequencies
    assert torch.equal(rendered(content), predicted)
    decoded = decode_clip(content)
    assert decoded.digest == digest_of(predicted)
    assert decoded.facts.indices == list(range(frames))


@pytest.mark.parametrize("kind", [NeRVModule, FFNModule, SIRENModule, HNeRVModule])
def test_evaluation_counts_the_bytes_of_the_file(kind):
    clip, module = clip_of_noise(), network(kind)
    result = evaluate(module, clip, 8)
    content, frames = encode_clip(module, facts_of(clip), 8)
    assert result.coded_bytes == len(content)
    assert result.coded_bpp == 8 * len(content) / (2 * 16 * 32)
    assert result.quantized_psnr == pytest.approx(psnr(frames, clip.frames), abs=1e-6)


@pytest.mark.parametrize(
    "indices", [(5,), (3, 8), (0, 2, 4), (9, 7, 5), (0, 1, 5)], ids=["one", "two", "even", "falling", "odd"]
)
def test_frame_numbers_survive(indices):
    clip = clip_of_noise(len(indices), indices)
    content, _ = encode_clip(network(FFNModule, len(indices)), facts_of(clip))
    assert decode_clip(content).facts == facts_of(clip)


def test_options_of_the_network_survive():
    module = NeRVModule(
        target_parameters=12_000, strides=[2, 2], output="identity", clip_shape=[2, 16, 32]
    ).eval()
    module.restore({})  # the encoding of version 0.1
    content, predicted = encode_clip(module, facts_of(clip_of_noise()))
    assert torch.equal(rendered(content), predicted)
    assert decode_clip(content).module.network.encoding.precision == torch.float32


def test_the_random_state_is_left_as_it_was():
    content, _ = encode_clip(network(NeRVModule), facts_of(clip_of_noise()))
    before = torch.get_rng_state()
    decode_clip(content)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_kind_of_network_is_refused_by_name():
    class OwnModule(FFNModule):
        pass

    content, predicted = encode_clip(network(OwnModule), facts_of(clip_of_noise()))
    with pytest.raises(ClipFileError, match="holds a 'OwnModule', which is none of NeRVModule, FFNModule, "):
        decode_clip(content)
    with torch.no_grad():
        assert torch.equal(decode_clip(content, [OwnModule]).module.reconstruct(), predicted)


def test_damaged_files_never_give_a_picture():
    """A thousand of them: bits flipped, bytes exchanged, cut off, zeroed, lengthened."""
    content, _ = encode_clip(network(FFNModule), facts_of(clip_of_noise()))
    random = np.random.default_rng(0)
    for number in range(1000):
        damaged = bytearray(content)
        start, length = int(random.integers(len(content))), int(random.integers(1, 40))
        if number % 5 == 0:
            damaged[start] ^= 1 << int(random.integers(8))
        elif number % 5 == 1:
            damaged[start : start + length] = random.bytes(length)
        elif number % 5 == 2:
            del damaged[start:]
        elif number % 5 == 3:
            damaged[start : start + length] = bytes(length)
        else:
            damaged[start:start] = random.bytes(length)
        if damaged != content:
            with pytest.raises(ClipFileError):
                decode_clip(bytes(damaged))


HOSTILE = {
    "parameters": {"parameters": 1 << 29, "target": 1 << 29},
    "target of many frames": {"target": 10**6},
    "no parameters": {"parameters": 0},
    "text for a number": {"parameters": "many"},
    "module": {"module": "os.system"},
    "stride of 0": {"options": {"strides": [0, 2], "output": "tanh", "encoding_version": 2}},
    "huge stride": {"options": {"strides": [1 << 40], "output": "tanh", "encoding_version": 2}},
    "many strides": {"options": {"strides": [1] * 1000}},
    "output": {"options": {"output": "__import__"}},
    "encoding": {"options": {"strides": [4, 2, 2], "output": "tanh", "encoding_version": 99}},
    "nothing": {"options": None},
    "unknown key": {"more": 1},
    "digest": {"frames": None},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_descriptions_are_refused(name):
    content, _ = encode_clip(network(NeRVModule), facts_of(clip_of_noise()))
    description, weights = unpack(content)
    with pytest.raises(ClipFileError):
        decode_clip(pack(description | HOSTILE[name], weights))


@pytest.mark.parametrize(
    "clip",
    [
        {"height": 1 << 14, "width": 1 << 14},
        {"indices": {"first": 0, "step": 1, "count": 1 << 40}},
        {"indices": []},
        {"indices": {"first": "a"}},
        {"height": -16},
        {"fps": 0},
        {"fps": math.inf},
        {"name": "x" * 10_000},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [NeRVModule, FFNModule, SIRENModule, HNeRVModule])
def test_hostile_facts_of_the_clip_are_refused(kind, clip):
    content, _ = encode_clip(network(kind), facts_of(clip_of_noise()))
    description, weights = unpack(content)
    text = {**description, "clip": description["clip"] | clip}
    if clip.get("fps") == math.inf:
        with pytest.raises(ValueError, match="JSON"):
            pack(text, weights)
        return
    with pytest.raises(ClipFileError):
        decode_clip(pack(text, weights))


def test_weights_damaged_under_a_right_checksum_are_refused_or_finite():
    content, _ = encode_clip(pruned(network(NeRVModule)), facts_of(clip_of_noise()))
    description, weights = unpack(content)
    random = np.random.default_rng(0)
    for _ in range(100):
        damaged = bytearray(weights)
        damaged[int(random.integers(300))] = int(random.integers(256))
        try:
            decoded = decode_clip(pack(description, bytes(damaged)))
        except ClipFileError:
            continue
        assert all(p.isfinite().all() for p in decoded.module.network.parameters())


def test_a_description_that_inflates_without_end_is_refused():
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b" " * (1 << 25)) + packer.flush()
    assert len(bomb) < 1 << 16
    good, _ = encode_clip(network(FFNModule), facts_of(clip_of_noise()))
    body = good[:9] + struct.pack("<H", len(bomb)) + bomb
    from xinc_lightning.compression.container import _checksum

    with pytest.raises(ClipFileError, match="description"):
        unpack(body + _checksum(body))
