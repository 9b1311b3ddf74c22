"""What a logged number and picture is called: ``<analysis>/<layer>/<name>``.

The analysis comes first, because W&B and TensorBoard make a section of what stands before the first slash, and because
runs are compared quantity by quantity: all layers' variances lie in one section, a curve a run in each panel.
"""

from typing import NamedTuple

OLD = "xinc"
"""First part of the names that version 0.1 gave: ``xinc/<layer>/<analysis>/<name>``."""

FINAL = "final/"
"""What the names of a run's result begin with, which it logs at its end."""


class ScalarName(NamedTuple):
    """Whose number it is."""

    layer: str
    analysis: str
    name: str

    def __str__(self) -> str:
        return f"{self.analysis}/{self.layer}/{self.name}"


def parse_scalar_name(key: str) -> ScalarName | None:
    """What a name says, also one of version 0.1; None if it is no analysis's number of a layer.

    >>> parse_scalar_name("maps/head/dead_fraction")
    ScalarName(layer='head', analysis='maps', name='dead_fraction')
    >>> parse_scalar_name("xinc/head/maps/dead_fraction") == parse_scalar_name("maps/head/dead_fraction")
    True
    >>> parse_scalar_name("train/psnr")
    """
    match key.split("/"):
        case [old, layer, analysis, name] if old == OLD:
            return ScalarName(layer, analysis, name)
        case [analysis, layer, name] if analysis != OLD:
            return ScalarName(layer, analysis, name)
    return None


def current_name(key: str) -> str:
    """The name as it is today.

    >>> current_name("xinc/head/maps/dead_fraction"), current_name("train/psnr")
    ('maps/head/dead_fraction', 'train/psnr')
    """
    return str(parse_scalar_name(key) or key)


def media_name(name: str, kind: str) -> str:
    """What a picture or page is called where numbers are; one of all layers is put beside its analysis's numbers.

    >>> media_name("maps/head", "figure"), media_name("variance", "figure")
    ('maps/head', 'variance/figure')
    """
    return name if "/" in name else f"{name}/{kind}"
