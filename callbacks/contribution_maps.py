"""Contribution maps of some neurons of each layer, and how they change in training (§4.2, Figs 1, 3, 11)."""

from typing import Any, Literal

import numpy as np

from xinc_lightning.analyses import (
    ContributionMapsResult,
    contribution_maps,
    evenly_spaced,
    sample_neurons,
    top_neurons,
)
from xinc_lightning.analyses.neuron_table import identity
from xinc_lightning.callbacks.base.context import AnalysisContext
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis, check_neurons, require_positive
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.canvas import FrameStatistics
from xinc_lightning.data import PanopticClip
from xinc_lightning.figures import contact_sheet, strip_over_epochs
from xinc_lightning.modules import INRModule

STRIP_EPOCHS = 12
"""Most columns of a strip: the first epoch, the last, and evenly spaced ones between."""


class ContributionMaps(FrameAnalysis):
    """A contact sheet of contribution maps for each layer; at the end, a strip of some of them over the epochs.

    All epochs show the same neurons. With ``top``, they are chosen at the first analysed epoch; later epochs,
    also of a resumed run, read them from the run folder.

    Args:
        neurons: number of neurons of each layer to show, or their indices.
        select: ``random``, sampled with the seed, or ``top``, those with the largest Σ|c|.
        strip: number of these neurons to show over all analysed epochs in a figure at the end; 0 for none.
        seed: of the random sample.
        options: layers, frame, cadence and ``strict``, see
            :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis`.

    Raises:
        UserError: if no neurons are to be shown.
    """

    def __init__(
        self,
        neurons: int | list[int] = 12,
        select: Literal["random", "top"] = "random",
        strip: int = 4,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require_positive(self, neurons=neurons if isinstance(neurons, int) else len(neurons))
        self.neurons = neurons
        self.select = select
        self.strip = strip
        self.seed = seed

    def check(self, module: INRModule, clip: PanopticClip) -> None:
        """Require that every layer has the given neurons."""
        super().check(module, clip)
        check_neurons(self, self.neurons, module)

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One contact sheet per layer, and at the end one strip."""
        picture = context.picture(self.frame)
        for name in self.layers or context.layers:
            layer = context.canvas(name, self.frame)
            statistics = context.statistics(name, self.frame)
            result = contribution_maps(layer, statistics, self._chosen(statistics, sink))
            sink.about_neurons(name, statistics.neurons.cpu().numpy(), **identity(layer, statistics))
            sink.result(result, select=np.array(self.select))
            title = context.title(name, self.frame)
            sink.figure(f"maps/{name}", contact_sheet(result, picture, title))
            if sink.last and self.strip:
                self._strip(result, title, sink)

    def _chosen(self, statistics: FrameStatistics, sink: Sink) -> list[int]:
        if not isinstance(self.neurons, int):
            return self.neurons
        if self.select == "random":
            places = sample_neurons(len(statistics.neurons), self.neurons, self.seed)
            return [int(neuron) for neuron in statistics.neurons[places]]
        for path in sink.earlier(f"maps/{statistics.layer}").values():
            with np.load(path) as saved:
                if str(saved.get("select", "")) == "top" and len(saved["neurons"]) == self.neurons:
                    return [int(neuron) for neuron in saved["neurons"]]
        return top_neurons(statistics, self.neurons)

    def _strip(self, result: ContributionMapsResult, title: str, sink: Sink) -> None:
        """Maps of the first neurons at all epochs for which the run folder has them."""
        rows = result.neurons[: self.strip]
        columns: dict[int, np.ndarray] = {}
        for epoch, path in sink.earlier(f"maps/{result.layer}").items():
            with np.load(path) as saved:
                places = {neuron: place for place, neuron in enumerate(saved["neurons"].tolist())}
                if (
                    all(neuron in places for neuron in rows)
                    and saved["maps"].shape[1:] == result.maps.shape[1:]
                ):
                    columns[epoch] = saved["maps"][[places[neuron] for neuron in rows]]
        columns[sink.epoch] = result.maps[: self.strip]
        if len(columns) > 1 and len(rows):
            shown = {epoch: columns[epoch] for epoch in evenly_spaced(list(columns), STRIP_EPOCHS)}
            sink.figure(
                f"strips/{result.layer}", strip_over_epochs(shown, result.labels[: self.strip], title)
            )
