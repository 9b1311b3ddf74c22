"""Effects against brute force: a term is subtracted in the running network itself, by a hook, neuron by neuron."""

import itertools

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from xinc_lightning.canvas import Canvas
from xinc_lightning.networks import FFN, SIREN, ConvLayer, LinearLayer, NeRV, pixel_grid

HYPOTHESIS = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def conv_term(conv, values, index):
    """What kernel (i, o) adds to its channel [frames, rows, cols], and the channel."""
    i, o = divmod(index, conv.out_channels)
    weight = torch.zeros_like(conv.weight)
    weight[o, i] = conv.weight[o, i]
    bias = torch.zeros_like(conv.weight[:, 0, 0, 0])
    if conv.bias is not None:
        bias[o] = conv.bias[o] / conv.in_channels
    return nn.functional.conv2d(values, weight, bias, padding="same")


def linear_term(linear, values, index, neuron):
    """What a neuron adds to all outputs [..., outputs], as spelled out for each kind."""
    outputs, inputs = linear.weight.shape
    bias = torch.zeros_like(linear.weight[:, 0]) if linear.bias is None else linear.bias
    if neuron == "input":
        return values[..., index, None] * linear.weight[:, index] + bias / inputs
    term = torch.zeros(*values.shape[:-1], outputs, dtype=values.dtype)
    if neuron == "output":
        term[..., index] = (values @ linear.weight.T + bias)[..., index]
    else:
        i, o = divmod(index, outputs)
        term[..., o] = values[..., i] * linear.weight[o, i] + bias[o] / inputs
    return term


@torch.no_grad()
def brute_force(network, module, term, x, ablation="zero"):
    """The picture minus that of the whole network, run again with the term taken out of a module's output."""

    def hook(module, args, output):
        taken = term(args[0])
        if ablation == "mean":  # over frames and pixels: all axes but that of the channels
            axes = (0, 2, 3) if isinstance(module, nn.Conv2d) else tuple(range(taken.ndim - 1))
            taken = taken - taken.mean(axes, keepdim=True)
        return output - taken

    picture = network(x)
    handle = module.register_forward_hook(hook)
    try:
        return picture - network(x)
    finally:
        handle.remove()


def assert_same(found, expected, tolerance, picture):
    """Up to rounding errors, which are of the size of the picture, not of the effect."""
    scale = float(torch.maximum(expected.abs().max(), picture.abs().max())) or 1.0
    assert float((found - expected).abs().max()) <= tolerance * scale


class ShiftedDecoder(nn.Module):
    """A decoder whose last activation is halved and shifted, as NeRV's is."""

    def __init__(self, decoder, shifted):
        super().__init__()
        self.decoder, self.shifted = decoder, shifted

    def forward(self, x):
        return (self.decoder(x) + 1) / 2 if self.shifted else self.decoder(x)

    def canvas_layers(self):
        *layers, head = self.decoder.canvas_layers()
        if not self.shifted:
            return [*layers, head]
        f = head.activation or (lambda x: x)
        shift = lambda x: (f(x) + 1) / 2  # noqa: E731
        return [*layers, ConvLayer(head.name, head.conv, head.shuffle, head.activation, shift)]


@st.composite
def decoders(draw):
    widths = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    specs, size = [], 1
    for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        shuffle = draw(st.sampled_from([1, 1, 2] if number == len(widths) - 2 else [1, 2, 3, 5]))
        size *= shuffle
        spec = {"inputs": inputs, "outputs": 1 if size > 6 else outputs, "shuffle": shuffle}
        spec["kernel"] = draw(st.sampled_from([(1, 1), (3, 3), (5, 5), (3, 1), (2, 4)]))
        spec["activation"] = draw(st.sampled_from(["gelu", "relu", "tanh", "sine", "cosine", "identity"]))
        spec["bias"] = draw(st.booleans())
        specs.append(spec)
    for spec, after in itertools.pairwise(specs):
        after["inputs"] = spec["outputs"]
    return specs, draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 2**31))


@HYPOTHESIS
@given(
    case=decoders(),
    frames=st.integers(1, 3),
    shifted=st.booleans(),
    ablation=st.sampled_from(["zero", "mean"]),
)
def test_effects_of_kernels_are_those_of_brute_force(oracle, case, frames, shifted, ablation):
    specs, rows, cols, seed = case
    torch.manual_seed(seed)
    network = ShiftedDecoder(oracle.Decoder([oracle.Spec(**spec) for spec in specs]), shifted)
    x = torch.randn(frames, specs[0]["inputs"], rows, cols)
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-10)):
        x = x.to(dtype)
        canvas = Canvas(network.to(dtype)).at(x)
        exact = network.double()
        picture = exact(x.double()).detach()
        for layer, conv in zip(canvas, network.decoder.convs, strict=True):
            neurons = torch.randperm(layer.neurons)[:6]
            found = layer.effects(neurons, ablation)
            assert found.dtype == dtype
            for effect, index in zip(found, neurons.tolist(), strict=True):
                expected = brute_force(
                    exact, conv, lambda v, c=conv, n=index: conv_term(c, v, n), x.double(), ablation
                )
                assert_same(effect, expected, tolerance, picture)


@HYPOTHESIS
@given(
    widths=st.lists(st.integers(1, 5), min_size=2, max_size=5),
    neuron=st.sampled_from(["input", "output", "weight"]),
    ablation=st.sampled_from(["zero", "mean"]),
    bias=st.booleans(),
    frames=st.integers(1, 2),
    seed=st.integers(0, 2**31),
)
def test_effects_of_linear_layers_are_those_of_brute_force(widths, neuron, ablation, bias, frames, seed):
    torch.manual_seed(seed)
    linears = [nn.Linear(i, o, bias) for i, o in itertools.pairwise(widths)]
    network = nn.Sequential(*itertools.chain.from_iterable((linear, nn.GELU()) for linear in linears))
    layers = [LinearLayer(str(n), linear, nn.functional.gelu) for n, linear in enumerate(linears)]
    x = torch.randn(frames, 3, 4, widths[0])
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-10)):
        x = x.to(dtype)
        canvas = Canvas(network.to(dtype), layers, neuron=neuron).at(x)
        exact = network.double()
        picture = exact(x.double()).detach()
        for layer, linear in zip(canvas, linears, strict=True):
            found = layer.effects(range(layer.neurons), ablation)
            for index, effect in enumerate(found):
                expected = brute_force(
                    exact,
                    linear,
                    lambda v, m=linear, n=index: linear_term(m, v, n, neuron),
                    x.double(),
                    ablation,
                ).movedim(-1, 1)
                assert_same(effect, expected, tolerance, picture)


def test_the_picture_is_what_effects_are_of():
    """NeRV's (tanh + 1) / 2, by setting a kernel and its share of the bias to zero in the network itself."""
    torch.manual_seed(0)
    nerv, t = NeRV(16, 32, 7, strides=(2, 2)).double(), torch.tensor([0.1, 0.7])
    effect = Canvas(nerv).at(t)["block2"].effects([50])[0]
    with torch.no_grad():
        picture = nerv(t.double())
        conv = nerv.blocks[1].conv
        i, o = divmod(50, conv.out_channels)
        conv.weight[o, i] = 0
        conv.bias[o] -= conv.bias[o] / conv.in_channels
        torch.testing.assert_close(effect, picture - nerv(t.double()), rtol=0, atol=1e-13)


def test_mean_ablation_by_hand():
    """x = 1, 2, 3 times 2 is replaced by 4, then squared by the activation: 4 − 16, 16 − 16, 36 − 16."""
    conv = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(conv.weight, 2)
    layer = ConvLayer("a", conv, 1, torch.square)
    network = nn.Sequential(conv, Square())
    canvas = Canvas(network, [layer]).at(torch.tensor([[[[1.0, 2, 3]]]]))["a"]
    assert canvas.effects([0], "mean").flatten().tolist() == [-12, 0, 20]
    assert canvas.effects([0], "zero").flatten().tolist() == [4, 16, 36]


class Square(nn.Module):
    def forward(self, x):
        return x**2


def test_mean_is_over_the_frames_of_the_canvas():
    conv = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(conv.weight, 1)
    canvas = Canvas(nn.Sequential(conv), [ConvLayer("a", conv)]).at(
        torch.tensor([1.0, 5]).reshape(2, 1, 1, 1)
    )
    assert canvas["a"].effects([0], "mean").flatten().tolist() == [-2, 2]
    assert canvas["a"].at(1).effects([0], "mean").flatten().tolist() == [0]


def test_before_its_activation_the_heads_effects_are_its_contributions():
    torch.manual_seed(0)
    nerv, ffn = NeRV(16, 32, 7, strides=(2, 2)), FFN(width=8)
    head = Canvas(nerv, head_activation=False).at(torch.tensor([0.3, 0.5]))["head"]
    torch.testing.assert_close(head.effects(range(18)).sum(2), head.maps(range(18)), rtol=0, atol=0)
    last = Canvas(ffn).at(pixel_grid(4, 6))["layer3"]
    torch.testing.assert_close(last.effects(range(8)).sum(2), last.maps(range(8)))


def test_effects_of_single_neurons_do_not_add_up_to_that_of_their_group():
    torch.manual_seed(0)
    nerv, t = NeRV(16, 32, 7, strides=(2, 2)).double(), torch.tensor([0.3])
    layer, conv = Canvas(nerv).at(t)["block1"], nerv.blocks[0].conv
    group = torch.arange(0, layer.neurons, 2)

    def terms(values):
        return sum(conv_term(conv, values, int(n)) for n in group)

    together = brute_force(nerv, conv, terms, t)
    torch.testing.assert_close(layer.effect_terms.chain.picture - layer.effect_terms.without(group), together)
    added = layer.effects(group).sum(0)
    assert (added - together).abs().mean() > 0.1 * together.abs().mean()


def test_several_groups_are_taken_out_as_each_alone():
    torch.manual_seed(0)
    nerv = NeRV(16, 32, 7, strides=(2, 2)).double()
    terms = Canvas(nerv).at(torch.tensor([0.3, 0.5]))["block1"].ablated("mean")
    groups = [torch.arange(start, terms.neurons, 3) for start in range(3)] + [torch.arange(0)]
    for max_bytes in (1, 2**30):  # one group at a time, and all together
        found = torch.cat([*terms.without_each(groups, max_bytes)])
        for picture, group in zip(found, groups, strict=True):
            torch.testing.assert_close(picture, terms.without(group))
    torch.testing.assert_close(found[-1], terms.chain.picture)


@pytest.mark.parametrize("neuron", ["input", "output", "weight"])
@pytest.mark.parametrize("ablation", ["zero", "mean"])
def test_effects_of_every_layer_of_a_siren_are_those_of_brute_force(neuron, ablation):
    siren, grid = SIREN(5, depth=4).double(), pixel_grid(4, 6).double()
    picture = siren(grid).detach()
    for layer, linear in zip(Canvas(siren, neuron=neuron).at(grid), siren.layers, strict=True):
        for index, effect in enumerate(layer.effects(range(layer.neurons), ablation)):
            term = lambda v, m=linear, n=index: linear_term(m, v, n, neuron)  # noqa: E731
            expected = brute_force(siren, linear, term, grid, ablation).movedim(-1, 0)[None]
            assert_same(effect, expected, 1e-10, picture)


@pytest.mark.parametrize("neuron", ["input", "output", "weight"])
def test_a_group_of_a_linear_layer_taken_out_together(neuron):
    torch.manual_seed(0)
    ffn, grid = FFN(width=6).double(), pixel_grid(4, 6).double()
    layer = Canvas(ffn, neuron=neuron).at(grid)["layer2"]
    group = torch.arange(0, layer.neurons, 2)

    def terms(values):
        return sum(linear_term(ffn.layers[1], values, int(n), neuron) for n in group)

    together = brute_force(ffn, ffn.layers[1], terms, grid).movedim(-1, 0)[None]
    torch.testing.assert_close(layer.effect_terms.chain.picture - layer.effect_terms.without(group), together)


@pytest.mark.parametrize("head_activation", [True, False])
def test_first_order_effects_are_those_of_small_terms(head_activation):
    torch.manual_seed(0)
    nerv, t = NeRV(16, 32, 7, strides=(2, 2)).double(), torch.tensor([0.3, 0.6])
    conv = nerv.blocks[0].conv
    effects = Canvas(nerv, head_activation=head_activation).at(t)["block1"].effect_terms
    directions = torch.randn(2, 2, 3, 16, 32, dtype=torch.float64)
    found = effects.first_order(directions)
    assert not found.requires_grad
    picture = nerv if head_activation else Plain(nerv)
    for index in (3, 50):
        small = brute_force(picture, conv, lambda v, n=index: 1e-6 * conv_term(conv, v, n), t) / 1e-6
        expected = (directions * small).sum((1, 2, 3, 4))
        torch.testing.assert_close(found[:, index], expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("neuron", ["input", "output", "weight"])
def test_first_order_effects_are_exact_in_the_last_linear_layer(neuron):
    torch.manual_seed(0)
    effects = (
        Canvas(FFN(width=6).double(), neuron=neuron).at(pixel_grid(4, 6).double())["layer3"].effect_terms
    )
    directions = torch.randn(2, 1, 3, 4, 6, dtype=torch.float64)
    exact = effects.effects(torch.arange(effects.neurons)).detach()
    torch.testing.assert_close(
        effects.first_order(directions), torch.einsum("nfchw,kfchw->kn", exact, directions)
    )


class Plain(nn.Module):
    """A NeRV's output before its last activation."""

    def __init__(self, nerv):
        super().__init__()
        self.nerv = nerv

    def forward(self, t):
        return torch.atanh(2 * self.nerv(t) - 1)


@pytest.mark.parametrize("max_bytes", [1, 40_000, 2**26])
def test_sums_are_those_of_the_effects_whatever_the_chunks(max_bytes):
    torch.manual_seed(0)
    nerv, t = NeRV(16, 32, 7, strides=(2, 2)).double(), torch.tensor([0.1, 0.4, 0.8])
    truth = torch.rand(3, 3, 16, 32, dtype=torch.float64)
    layer = Canvas(nerv).at(t)["block2"]
    sums = layer.effect_sums(truth, [1, 70, 30], max_bytes=max_bytes)
    effects = layer.effects([1, 70, 30])
    torch.testing.assert_close(sums.absolute_sum, effects.abs().sum((2, 3, 4)))
    torch.testing.assert_close(sums.pixel_sums, effects.abs().sum((0, 2)))
    with torch.no_grad():
        picture = nerv(t.double())
    error = lambda p: ((p - truth) ** 2).mean((-3, -2, -1))  # noqa: E731
    torch.testing.assert_close(sums.error_rise, error(picture - effects) - error(picture))
    assert layer.effect_sums(neurons=[1]).error_rise is None
