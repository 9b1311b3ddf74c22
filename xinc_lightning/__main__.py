"""``python -m xinc_lightning`` is ``xinc``."""

from xinc_lightning.cli import main

main()
