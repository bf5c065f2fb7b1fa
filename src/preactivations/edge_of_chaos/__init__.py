"""Infinite-width maps of variance and correlation, their fixed points, and the Edge of Chaos."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
