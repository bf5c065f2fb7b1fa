"""Kernels of wide rectified layers: how the weight distribution changes the angle between two inputs, at any depth."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
