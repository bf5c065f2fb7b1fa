"""Arguments that are arrays of real numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["real_array"]


def real_array(x: ArrayLike, name: str = "x") -> NDArray[np.float64]:
    """`x` in float64; TypeError, which calls it `name`, for what is not real: complex numbers, text, objects.

    Examples
    --------
    >>> real_array([1, 2], "samples").dtype
    dtype('float64')
    """
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    return array.astype(np.float64, copy=False)
