"""What the results of an evaluation depend on: the weights, and for ``settings.json`` everything else."""

import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from typing import Any

import lightning

from xinc_lightning import __version__
from xinc_lightning.callbacks.base.context import AnalysisContext
from xinc_lightning.canvas import CanvasOptions, LayerCanvas
from xinc_lightning.modules import INRModule
from xinc_lightning.runs.checkpoint_file import plain
from xinc_lightning.runs.weights_file import weights_bytes

PACKAGES = (
    "torch",
    "numpy",
    "lightning",
    "umap-learn",
    "scikit-learn",
    "scikit-image",
    "opencv-python-headless",
)


def settings_of(context: AnalysisContext) -> dict[str, Any]:
    """Versions, network, clip, and the settings that all analyses share, as plain types."""
    module, clip = context.module, context.clip
    reduce = signature(LayerCanvas.reduce).parameters
    return {
        "versions": {
            "xinc_lightning": __version__,
            "python": platform.python_version(),
            **{name: found for name in PACKAGES if (found := _version(name))},
        },
        "network": {
            "architecture": context.architecture,
            "layers": _layers(module),
            "hyperparameters": dict(module.hparams),
            "parameters": module.budget.parameters,
            "bpp": module.budget.bpp,
            "device": module.device.type,
        },
        "clip": {
            "name": clip.name,
            "indices": list(clip.indices),
            "height": clip.height,
            "width": clip.width,
            "annotated": list(clip.annotated),
            "segments": [segment.name for segment in clip.segments],
        },
        "canvas": {
            **asdict(CanvasOptions(**module.canvas_options)),
            "positions": list(context.positions),
            "max_neurons": context.max_neurons,
            "thresholds": list(reduce["thresholds"].default),
            "points": reduce["points"].default,
        },
    }


def weights_of(context: AnalysisContext) -> bytes:
    """The analysed network as a file, so that ``test`` and ``xinc explore`` can look at it again.

    Raises:
        TypeError: if a hyperparameter is no plain value.
    """
    module = context.module
    about = {
        **module.identity(context.clip),
        "hyper_parameters": plain(dict(module.hparams), "hyper_parameters"),
        "global_step": module.trained_steps,
        "canvas": module.canvas_options,
        "pytorch-lightning_version": lightning.__version__,
    }
    return weights_bytes(module.to_render(module.state_dict()), about)


def _layers(module: INRModule) -> list[str]:
    """Names of the layers in the network's own order, input side first; empty for a network without a canvas."""
    network, _ = module.canvas_inputs(0)
    declared = getattr(network, "canvas_layers", list)
    return [layer.name for layer in declared()]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
