"""Cubic tables of `pairs.table` evaluated in one loop over the numbers, instead of some twenty tensor operations."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def cubic(
    x: Array,
    c: Array,
    odd: bool,
    per_unit: np.float32,
    first: np.int32,
    end: np.int32,
    value: Array,
    slope: Array,
) -> bool:
    """Value of the polynomial of each number's piece, with the sign of the number if `odd`, and its slope.

    Pieces begin at x = `first` / `per_unit` and end at `end` / `per_unit`; False, and nothing of use in the results,
    if a number is outside, or not a number. An empty `slope` is left so.
    """
    inside = True
    sloped = slope.size > 0
    low, high = np.float32(first), np.float32(end)
    for i in range(x.size):
        u = x[i] * per_unit
        if odd:
            u = abs(u)
        good = (u >= low) & (u < high)
        inside &= good
        u = u if good else low
        whole = np.int32(u)  # toward 0
        if not odd:
            whole -= np.int32(np.float32(whole) > u)
        t = u - np.float32(whole)
        k = np.uint64(whole - first)
        quadratic = c[3, k] * t + c[2, k]
        linear = quadratic * t + c[1, k]
        p = linear * t + c[0, k]
        value[i] = math.copysign(p, x[i]) if odd else p
        if sloped:
            slope[i] = ((c[3, k] * t + quadratic) * t + linear) * per_unit
    return inside
