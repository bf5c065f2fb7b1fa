"""Names: numbers in those of laws and activations ("weibull_2.05", "oscillating_6"), and objects by theirs.

Names are keys of streams, of files and of rows. One is read back to the same number, so that no two laws share it.
"""

from __future__ import annotations

import importlib
import math
import re
from decimal import Decimal
from typing import Any

__all__ = ["number_text", "object_of", "parameter", "theta_of"]

_DECIMALS = re.compile(r"-?(\d+\.?\d*|\.\d+)")


def number_text(value: float) -> str:
    """Shortest decimals that are read as `value`, without exponent: "4", "2.05", "0.00001".

    ValueError for infinity and NaN.

    Examples
    --------
    >>> number_text(4.0), number_text(2.0000001)
    ('4', '2.0000001')
    """
    if not math.isfinite(value):
        raise ValueError(f"a number in a name must be finite, got {value}")
    return format(Decimal(repr(float(value))).normalize() + 0, "f")


def parameter(name: str, family: str) -> float | None:
    """The number of a name "<family>_<number>", in decimals; None for other names.

    Examples
    --------
    >>> parameter("weibull_2.05", "weibull"), parameter("normal", "weibull")
    (2.05, None)
    """
    text = name.removeprefix(f"{family}_")
    return float(text) if text != name and _DECIMALS.fullmatch(text) else None


def object_of(name: str) -> Any:
    """The object "package.module:name", whose module is imported now.

    For what has a PyTorch module and is of use without: it does not depend on that module.

    Examples
    --------
    >>> object_of("math:sqrt")(9.0)
    3.0
    """
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def theta_of(name: str) -> float:
    """Shape of a Weibull law by its name, weibull_2.05; NaN for another name."""
    theta = parameter(name, "weibull")
    return math.nan if theta is None else theta
