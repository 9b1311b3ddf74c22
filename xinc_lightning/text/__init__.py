"""Names that came from outside, made fit to be shown."""

from xinc_lightning.text.printable import LONGEST, UNPRINTABLE, markdown_cell, printable

__all__ = ["LONGEST", "UNPRINTABLE", "markdown_cell", "printable"]
