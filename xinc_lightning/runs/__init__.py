"""The run folder: where its files are, how they are written whole, how they are read back."""
