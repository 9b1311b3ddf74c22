import pytest

from xinc_lightning.callbacks import ContributionVsIntensity


@pytest.mark.drawn
def test_figure_arrays_and_scalars_of_every_layer(toy_module, clip_of, analysed):
    files, scalars = analysed(toy_module, clip_of(), ContributionVsIntensity(frame=1))
    assert files["intensity.png"].stat().st_size > 5_000
    layers = {name.split("/")[1] for name in scalars}
    assert len(layers) >= 3
    for layer in layers:
        assert files[f"intensity/{layer}.npz"]["intensity"].size
        assert -1 <= scalars[f"intensity/{layer}/intensity_correlation"] <= 1


def test_chosen_layers(toy_module, clip_of, analysed):
    _, everything = analysed(toy_module, clip_of(), ContributionVsIntensity())
    layer = next(iter(everything)).split("/")[1]
    _, one = analysed(toy_module, clip_of(), ContributionVsIntensity(layers=[layer]))
    assert one == {name: value for name, value in everything.items() if f"/{layer}/" in name}
