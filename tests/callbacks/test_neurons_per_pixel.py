import pytest

from xinc_lightning.callbacks import NeuronsPerPixel


@pytest.mark.drawn
def test_figures_arrays_and_scalars_of_every_layer(toy_module, clip_of, analysed):
    files, scalars = analysed(toy_module, clip_of(), NeuronsPerPixel(frame=1))
    for figure in ("neurons_per_pixel.png", "contribution_distribution.png"):
        assert files[figure].stat().st_size > 5_000
    layers = {name.split("/")[1] for name in scalars}
    assert len(layers) >= 3
    for layer in layers:
        arrays = files[f"neurons_per_pixel/{layer}.npz"]
        logged = {name.rpartition("/")[2]: value for name, value in scalars.items() if f"/{layer}/" in name}
        assert logged["tau_10"] == arrays["tau"][0] < arrays["tau"][1] == logged["tau_50"]
        assert logged["share_above_tau_50"] == pytest.approx(arrays["share"][1].mean())
        assert logged["effective_neurons"] == pytest.approx(arrays["effective"].mean())


def test_chosen_layers(toy_module, clip_of, analysed):
    _, everything = analysed(toy_module, clip_of(), NeuronsPerPixel())
    layer = next(iter(everything)).split("/")[1]
    _, one = analysed(toy_module, clip_of(), NeuronsPerPixel(layers=[layer]))
    assert one == {name: value for name, value in everything.items() if f"/{layer}/" in name}
