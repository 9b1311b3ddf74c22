"""The command line: parsing and printing. ``main.py`` is the entry point of every command."""
