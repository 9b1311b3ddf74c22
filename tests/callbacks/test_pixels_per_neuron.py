import pytest

from xinc_lightning.callbacks import PixelsPerNeuron


@pytest.mark.drawn
def test_figure_arrays_and_scalars_of_every_layer(toy_module, clip_of, analysed):
    files, scalars = analysed(toy_module, clip_of(), PixelsPerNeuron(frame=1))
    assert files["pixels_per_neuron.png"].stat().st_size > 5_000
    layers = {name.split("/")[1] for name in scalars}
    assert len(layers) >= 3
    for layer in layers:
        assert files[f"pixels_per_neuron/{layer}.npz"]["counts"].size
        assert -1 <= scalars[f"pixels_per_neuron/{layer}/dead_fraction"] <= 1


def test_chosen_layers(toy_module, clip_of, analysed):
    _, everything = analysed(toy_module, clip_of(), PixelsPerNeuron())
    layer = next(iter(everything)).split("/")[1]
    _, one = analysed(toy_module, clip_of(), PixelsPerNeuron(layers=[layer]))
    assert one == {name: value for name, value in everything.items() if f"/{layer}/" in name}
