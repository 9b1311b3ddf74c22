"""The run folder: names of its files, atomic writing, and reading."""
