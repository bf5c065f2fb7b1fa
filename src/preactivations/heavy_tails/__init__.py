"""Scales of normal weights that preserve a moment of order s of the norm, in (0, 2], at any width."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
