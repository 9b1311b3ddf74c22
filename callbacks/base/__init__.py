"""What runs the analyses: nothing here is a callback that a config names."""
