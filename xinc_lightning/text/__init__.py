"""Sanitising of external names before they are shown; numbers in sentences."""

from xinc_lightning.text.counted import counted
from xinc_lightning.text.printable import LONGEST, UNPRINTABLE, markdown_cell, printable

__all__ = ["LONGEST", "UNPRINTABLE", "counted", "markdown_cell", "printable"]
