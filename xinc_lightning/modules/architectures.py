"""The architectures of this package, which alone are built from what a checkpoint or a file says."""

from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.ffn import FFNModule
from xinc_lightning.modules.hnerv import HNeRVModule
from xinc_lightning.modules.nerv import NeRVModule
from xinc_lightning.modules.siren import SIRENModule

ARCHITECTURES: tuple[type[INRModule], ...] = (NeRVModule, FFNModule, SIRENModule, HNeRVModule)
