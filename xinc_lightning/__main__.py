"""``python -m xinc_lightning`` is ``xinc``."""

from xinc_lightning.cli.main import main

main()
