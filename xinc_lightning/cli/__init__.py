"""The command line: parsing and printing. ``main.py`` is where every command begins."""
