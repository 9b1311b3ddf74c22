"""LightningModules: how the networks are sized, trained and evaluated."""

from xinc_lightning.modules.architectures import ARCHITECTURES
from xinc_lightning.modules.base import INRModule
from xinc_lightning.modules.ffn import FFNModule
from xinc_lightning.modules.nerv import NeRVModule

__all__ = ["ARCHITECTURES", "FFNModule", "INRModule", "NeRVModule"]
