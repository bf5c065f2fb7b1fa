"""Signal propagation in neural networks at initialization, exactly.

>>> import preactivations as pre
>>> pair = pre.GaussianPair(pre.SymmetricWeibull(4), kind="odd")
>>> round(float(pair.phi(1.0)), 6)
1.142507

Everything is imported when it is first used: `import preactivations` loads neither NumPy nor PyTorch. The names of
each package are in its `__init__.pyi`.
"""

from importlib.metadata import PackageNotFoundError, version

import lazy_loader as lazy

try:
    __version__ = version("preactivations")
except PackageNotFoundError:  # a checkout that was not installed
    __version__ = "0+unknown"

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
