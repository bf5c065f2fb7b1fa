"""Pairs (law of the weights, activation) that keep pre-activations normal, exact or fitted."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
