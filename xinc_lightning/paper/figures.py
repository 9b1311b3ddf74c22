"""Figures 3 to 19, in the paper's layout where needed: FFN and NeRV side by side, layer by layer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from xinc_lightning import figures
from xinc_lightning.analyses import (
    ContributionMapsResult,
    ContributionVsIntensityResult,
    FlowVsFluctuationResult,
    GroupingVarianceResult,
    NeuronClustersResult,
    NeuronsPerPixelResult,
    PixelsPerNeuronResult,
    SharedEmbedding,
    ThingsAndStuffResult,
)
from xinc_lightning.figures import Figure
from xinc_lightning.figures.paper import SampledMaps, embedding_with_maps, maps_by_layer
from xinc_lightning.paper.results import Trained
from xinc_lightning.runs.atomic import write_atomically
from xinc_lightning.studies.shared_umap import embed_sets, load_neuron_sets

MAPS = 6
"""Neurons of a layer in Figures 3 and 11: those with the largest Σ|c| among the sampled ones."""


@dataclass(frozen=True)
class Case:
    """An FFN and a NeRV of the same clip and seed.

    Attributes:
        name: clip and seed as a readable name.
        ffn: the FFNs of the clip's frames, of which the first is analysed.
        nerv: the NeRV.
    """

    name: str
    ffn: Trained
    nerv: Trained

    @property
    def layers(self) -> list[tuple[Trained, str]]:
        """All layers, FFN's first, each input side first."""
        return [(one, layer) for one in (self.ffn, self.nerv) for layer in one.layers]


def draw_figures(
    cases: Sequence[Case], others: Sequence[Case], seeds: Sequence[Case], folder: Path
) -> dict[str, str]:
    """Draw everything, as PDF and PNG.

    Args:
        cases: for the paper's main figures, the first of them in Figures 3, 8 to 12 and 19.
        others: for Figures 13 and 15 to 17.
        seeds: the first clip with every seed.
        folder: created if it does not exist.

    Returns:
        Description of each file, by its name without suffix.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shown = {}
    for name, what, draw in _figures(cases, others, seeds):
        figure = draw()
        for ending in ("png", "pdf"):
            write_atomically(folder / f"{name}.{ending}", figures.figure_file(figure, ending))
            figure.set_layout_engine("none")  # it is found; finding it again would take as long
        shown[name] = what
        print(f"{name}: {what}", flush=True)
    return shown


def _figures(
    cases: Sequence[Case], others: Sequence[Case], seeds: Sequence[Case]
) -> Iterator[tuple[str, str, Callable[[], Figure]]]:
    """Name, content and maker of each figure."""
    first = cases[0]
    ffn, nerv = first.ffn.layers, first.nerv.layers
    late = [(first.ffn, n) for n in ffn[1:]] + [(first.nerv, n) for n in nerv[1:]]
    early = [(first.ffn, ffn[0]), (first.nerv, nerv[0])]
    title = f"The implicit neural canvas · {first.name}"
    yield "figure03", "contribution maps of the later layers", partial(_maps, late, title)
    yield from _by_case(4, "variance over groups of pixels", cases, _variance)
    yield from _by_case(5, "contribution against intensity", cases, _intensity)
    yield from _by_case(6, "pixels per neuron", cases, _pixels_per_neuron)
    yield from _by_case(7, "neurons per pixel", cases, _neurons_per_pixel)
    if first.nerv.clip.annotated:
        both = partial(_things_and_stuff, first)
        yield "figure08_ffn", "FFN: things and stuff", partial(both, first.ffn, ffn[::-1])
        yield (
            "figure08_nerv",
            "NeRV: things and stuff, head and last block",
            partial(both, first.nerv, nerv[:1:-1]),
        )
    if first.nerv.snapshot.layers("flow_vs_fluctuation"):
        yield from _by_case(9, "neurons and motion", cases, _motion)
    if len(seeds) > 1:
        yield "figure10", "neurons of the NeRV heads of all seeds", partial(_head_embedding, seeds)
    yield "figure11", "contribution maps of the first layers", partial(_maps, early, title)
    yield from _clusters(12, first)
    for case in others[:1]:
        yield from _clusters(13, case)
    if len(seeds) > 1:
        yield "figure14", "neurons of every layer, of all seeds", partial(_seed_embeddings, seeds)
    yield from _by_case(15, "pixels per neuron", others, _pixels_per_neuron)
    yield from _by_case(16, "variance over groups of pixels", others, _variance)
    yield from _by_case(17, "neurons per pixel", others, _neurons_per_pixel)
    yield from _by_case(18, "distribution of contributions", cases[:1], _distributions)
    if first.nerv.clip.annotated:
        yield "figure19", "NeRV: things and stuff, first two blocks", partial(both, first.nerv, nerv[1::-1])


def _by_case(
    number: int, what: str, cases: Sequence[Case], draw: Callable[[Case], Figure]
) -> Iterator[tuple[str, str, Callable[[], Figure]]]:
    for place, case in enumerate(cases):
        suffix = f"_{place + 1}" if len(cases) > 1 else ""
        yield f"figure{number:02d}{suffix}", f"{what} · {case.name}", partial(draw, case)


def _maps(layers: Sequence[tuple[Trained, str]], title: str) -> Figure:
    rows = []
    for trained, layer in layers:
        result = trained.result(ContributionMapsResult, layer)
        largest = np.sort(np.argsort(-np.abs(result.maps).sum((1, 2)), kind="stable")[:MAPS])
        labels = tuple(result.labels[place] for place in largest)
        rows.append(SampledMaps(result.layer, labels, result.maps[largest]))
    return maps_by_layer(rows, layers[0][0].picture, title)


def _variance(case: Case) -> Figure:
    results = [trained.result(GroupingVarianceResult, layer) for trained, layer in case.layers]
    return figures.grouping_variances(results, f"Grouping contributions · {case.name}")


def _intensity(case: Case) -> Figure:
    results = [trained.result(ContributionVsIntensityResult, layer) for trained, layer in case.layers]
    return figures.contributions_vs_intensity(
        results, case.nerv.picture, f"Contribution vs. intensity · {case.name}"
    )


def _pixels_per_neuron(case: Case) -> Figure:
    results = [trained.result(PixelsPerNeuronResult, layer) for trained, layer in case.layers]
    return figures.pixels_per_neuron_curves(results, f"Pixels per neuron · {case.name}")


def _neurons_per_pixel(case: Case) -> Figure:
    results = [trained.result(NeuronsPerPixelResult, layer) for trained, layer in case.layers]
    return figures.neurons_per_pixel_maps(results, case.nerv.picture, f"Neurons per pixel · {case.name}")


def _distributions(case: Case) -> Figure:
    results = [trained.result(NeuronsPerPixelResult, layer) for trained, layer in case.layers]
    return figures.contribution_distributions(results, f"Distribution of contributions · {case.name}")


def _things_and_stuff(case: Case, trained: Trained, layers: Sequence[str]) -> Figure:
    results = [trained.result(ThingsAndStuffResult, layer) for layer in layers]
    positions = [trained.clip.indices.index(int(frame)) for frame in results[0].frames]
    pictures = trained.clip.frames[positions].permute(0, 2, 3, 1).numpy()
    masks = torch.stack([mask for p in positions if (mask := trained.clip.masks[p]) is not None]).numpy()
    return figures.shares_of_segments(results, pictures, masks, f"Things and stuff · {case.name}")


def _motion(case: Case) -> Figure:
    nerv = case.nerv
    results = [nerv.result(FlowVsFluctuationResult, layer) for layer in nerv.layers[:1:-1]]
    flow = nerv.snapshot.arrays("flow_vs_fluctuation", "flow")["flow"]
    positions = [nerv.clip.indices.index(int(frame)) for frame in results[0].frames]
    pictures = nerv.clip.frames[positions].permute(0, 2, 3, 1).numpy()
    return figures.flow_beside_fluctuation(results, flow, pictures, f"Neurons and motion · {case.name}")


def _clusters(number: int, case: Case) -> Iterator[tuple[str, str, Callable[[], Figure]]]:
    for trained, layer in case.layers:
        name = f"figure{number}_{trained.run.architecture.lower()}_{layer}"
        label = trained.label(layer)
        yield name, f"neuron clusters of {label} · {case.name}", partial(_cluster, case, trained, layer)


def _cluster(case: Case, trained: Trained, layer: str) -> Figure:
    result = trained.result(NeuronClustersResult, layer)
    return figures.clusters_with_maps(
        result, trained.picture, f"Neuron clusters · {result.layer} · {case.name}"
    )


def _head_embedding(seeds: Sequence[Case]) -> Figure:
    """Four neurons of each of three seeds, one of each of their clusters."""
    layer = seeds[0].nerv.layers[-1]
    panel = _embeddings([case.nerv for case in seeds])[f"NeRV {layer}"]
    places, labels, maps = [], [], []
    for number, case in enumerate(seeds[:3]):
        result = case.nerv.result(NeuronClustersResult, layer)
        for cluster in np.unique(result.shown_clusters):
            one = int(np.flatnonzero(result.shown_clusters == cluster)[0])
            same = (panel.sets == number) & (panel.neurons == result.shown[one])
            places.append(int(np.flatnonzero(same)[0]))
            labels.append(f"seed {case.nerv.run.seed}, {result.labels[one]}")
            maps.append(result.maps[one])
    title = f"Neurons of {len(seeds)} NeRV heads · {seeds[0].nerv.clip.name}"
    return embedding_with_maps(panel, np.array(places), labels, np.stack(maps), title)


def _seed_embeddings(seeds: Sequence[Case]) -> Figure:
    panels = {**_embeddings([case.ffn for case in seeds]), **_embeddings([case.nerv for case in seeds])}
    title = f"Neurons of {len(seeds)} seeds · {seeds[0].nerv.clip.name}"
    return figures.embedding_by_group([*panels.values()], "seed", title)


def _embeddings(runs: Sequence[Trained]) -> Mapping[str, SharedEmbedding]:
    sets = [one for trained in runs for one in load_neuron_sets(trained.run)]
    return {panel.name: panel for panel in embed_sets(sets, "seed")}
