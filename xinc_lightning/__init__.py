"""Train implicit neural representations and compute what every neuron contributes to every pixel.

An implementation of *Explaining the Implicit Neural Canvas* (XINC, CVPR 2024) with PyTorch Lightning.
"""

__version__ = "0.2.0.dev0"
