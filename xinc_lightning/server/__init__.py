"""Serves the explorer: what a page from disk was saved with, this one computes, of any neuron, frame and epoch."""
