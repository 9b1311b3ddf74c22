"""Train implicit neural representations and trace what every neuron adds to every pixel.

An implementation of *Explaining the Implicit Neural Canvas* (XINC, CVPR 2024) on PyTorch Lightning.
"""

__version__ = "0.1.0"
