"""How the values of single networks are spread; apart from `inference`, whose tests no simulation depends on."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Spread(NamedTuple):
    """Of the values of networks: mean, its standard error, 5 % and 95 % points; NaN of none; the error is 0 of one."""

    mean: float
    error: float
    low: float
    high: float


def spread(values: NDArray[Any]) -> Spread:
    """`Spread` of the finite ones of the values, shape (n,)."""
    finite = values[np.isfinite(values)].astype(np.float64)
    low, high = np.quantile(finite, [0.05, 0.95]) if finite.size else (math.nan, math.nan)
    mean = float(finite.mean()) if finite.size else math.nan
    error = float(finite.std() / math.sqrt(max(1, finite.size - 1)))
    return Spread(mean, error, float(low), float(high))
