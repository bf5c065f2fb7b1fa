"""Arguments that must be real: refused by name, where NumPy would drop an imaginary part or read a text as a number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["real_array", "real_number", "real_values"]


def real_number(name: str, value: object) -> float:
    """`value` as a float; TypeError, with `name`, for what is no real number (booleans are none).

    Examples
    --------
    >>> real_number("gain", np.float32(0.5))
    0.5
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a real number, got {value!r} of type {type(value).__name__}")
    return float(value)


def real_values(name: str, values: ArrayLike) -> NDArray[Any]:
    """`values` as an array of their dtype; TypeError, with `name`, for complex numbers, texts and objects."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    return array


def real_array(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """`real_values` in float64.

    Examples
    --------
    >>> real_array("x", [1, 2]).tolist()
    [1.0, 2.0]
    """
    return real_values(name, values).astype(np.float64, copy=False)
