"""Sanitising of external names before they are shown."""

from xinc_lightning.text.printable import LONGEST, UNPRINTABLE, markdown_cell, printable

__all__ = ["LONGEST", "UNPRINTABLE", "markdown_cell", "printable"]
