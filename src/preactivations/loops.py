"""Loops over numbers that Numba compiles, where it is installed: `loop(name)` gives one, or None.

A chain of tensor operations passes through memory once for each, and each pass has the cost of a call; for few numbers
that is all. The loops compute the same, in the same order of operations, in one pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from preactivations.names import object_of


def compiled(function: Callable[..., Any]) -> Any:
    """`function` compiled by Numba at its first call for each kind of arguments; what is compiled is kept on disk.

    ImportError without Numba. Division by 0 gives infinity; a product and a sum may be rounded once.
    """
    from numba import njit

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder where it can be kept
        return njit(**options)(function)


_KNOWN: dict[str, Any] = {}


def loop(name: str) -> Any:
    """The compiled function "package.module:name", or None without Numba."""
    if name not in _KNOWN:
        try:
            _KNOWN[name] = compiled(object_of(name))
        except ImportError:
            _KNOWN[name] = None
    return _KNOWN[name]
