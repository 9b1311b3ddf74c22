"""Callbacks of a training run: analyses of the network, checkpoints, progress, the final report."""

if __name__ != "xinc_lightning.callbacks":
    raise ImportError(
        "This folder is the package xinc_lightning.callbacks; imported as 'callbacks' it would be a second, "
        "different copy of every class. Write `from xinc_lightning.callbacks import …`."
    )

from xinc_lightning.callbacks.base.callback import AnalysisCallback
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.callbacks.checkpoints import Checkpoints
from xinc_lightning.callbacks.contribution_maps import ContributionMaps
from xinc_lightning.callbacks.contribution_vs_intensity import ContributionVsIntensity
from xinc_lightning.callbacks.faithfulness import Faithfulness
from xinc_lightning.callbacks.flow_vs_fluctuation import FlowVsFluctuation
from xinc_lightning.callbacks.frame_writer import FrameWriter
from xinc_lightning.callbacks.grouping_variance import GroupingVariance
from xinc_lightning.callbacks.neuron_clusters import NeuronClusters
from xinc_lightning.callbacks.neurons_per_pixel import NeuronsPerPixel
from xinc_lightning.callbacks.pixels_per_neuron import PixelsPerNeuron
from xinc_lightning.callbacks.pixels_to_neurons import PixelsToNeurons
from xinc_lightning.callbacks.progress import Progress
from xinc_lightning.callbacks.pruning import Pruning
from xinc_lightning.callbacks.reconstructions import Reconstructions
from xinc_lightning.callbacks.report import Report
from xinc_lightning.callbacks.things_and_stuff import ThingsAndStuff
from xinc_lightning.loggers.metrics_file import MetricsFile
from xinc_lightning.loggers.wandb_run import WandbRun

__all__ = [
    "AnalysisCallback",
    "AnalysisContext",
    "Checkpoints",
    "ContributionMaps",
    "ContributionVsIntensity",
    "Faithfulness",
    "FlowVsFluctuation",
    "FrameWriter",
    "GroupingVariance",
    "MetricsFile",
    "Needs",
    "NeuronClusters",
    "NeuronsPerPixel",
    "PixelsPerNeuron",
    "PixelsToNeurons",
    "Progress",
    "Pruning",
    "Reconstructions",
    "Report",
    "Sink",
    "ThingsAndStuff",
    "WandbRun",
]
