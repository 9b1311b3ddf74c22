"""LightningModules: how the networks are sized, trained and evaluated."""

from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.coordinates import CoordinateModule
from xinc_lightning.modules.ffn import FFNModule
from xinc_lightning.modules.hnerv import HNeRVModule
from xinc_lightning.modules.nerv import NeRVModule
from xinc_lightning.modules.siren import SIRENModule

__all__ = ["CoordinateModule", "FFNModule", "HNeRVModule", "INRModule", "NeRVModule", "SIRENModule"]
