"""Whether a function is an elementwise activation with the derivative that it is said to have; as an `Activation`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preactivations.activations._probe import (
    find_kinks,
    power_at_zero,
    slope_by_values,
    slopes_of_lines,
    smooth_next_to_zero,
)
from preactivations.activations.registry import Activation

__all__ = ["PROBES", "assembled", "checked_values", "compare", "elementwise"]

Array = NDArray[np.float64]
Map = Callable[[Array], Array]

# irregular, so that no kink is likely to be one
PROBES = np.sort(np.concatenate([np.sinh(np.linspace(-3.69, 3.71, 61)) / 2.1, [-10.0, 0.0, 10.0]]))
_AGREE = 1e-4  # of two derivatives


def compare(name: str, phi: Map, dphi: Map, whose: str, values: Array) -> None:
    """ValueError unless dphi is that of phi, at points where differences settle."""
    with np.errstate(all="ignore"):
        given = np.asarray(dphi(PROBES), dtype=np.float64)
        found = []
        for size in (1e-4, 1e-6):
            h = size * (1 + np.abs(PROBES))
            found.append((phi(PROBES + h) - phi(PROBES - h)) / (2 * h))
    if given.shape != PROBES.shape:
        raise ValueError(f"{name}: {whose} must have the shape of x, got {given.shape} for {PROBES.shape}")
    scale = np.abs(found[0]) + np.abs(found[1]) + 1e-3 * np.abs(values).max() / 10 + 1e-6
    settled = (np.abs(found[0] - found[1]) < _AGREE * scale) & (
        PROBES % 1 != 0
    )  # kinks stand at whole numbers
    wrong = settled & ~(np.abs(given - found[1]) < _AGREE * 10 * scale)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"{name}: {whose} is {given[at]:.6g} at x = {PROBES[at]:.6g}, where phi has the slope {found[1][at]:.6g}"
        )


def checked_values(phi: Callable[[Any], Any], name: str) -> Array:
    """phi at the probes, which must be real, of the same shape, and finite."""
    values = np.asarray(phi(PROBES.copy()))
    if values.dtype.kind == "c":
        raise TypeError(f"{name} is complex; activations are real")
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{name} must give real numbers, got dtype {values.dtype}")
    if values.dtype in (np.float16, np.float32):
        raise ValueError(f"{name} computes in {values.dtype}, of float64 numbers; integrals need float64")
    if values.shape != PROBES.shape:
        raise ValueError(f"{name} is not elementwise: it gives shape {values.shape} for shape {PROBES.shape}")
    if not np.isfinite(values).all():
        at = int(np.argmax(~np.isfinite(values)))
        raise ValueError(
            f"{name} gives {values[at]} at x = {PROBES[at]:.6g}; it must be finite for |x| <= 10"
        )
    return values.astype(np.float64)


def elementwise(phi: Callable[[Any], Any], name: str) -> Array:
    """`checked_values`, which must be the same again, and for parts of the input."""
    values = checked_values(phi, name)
    if not np.array_equal(checked_values(phi, name), values):
        raise ValueError(
            f"{name} gives other values for the same input: it is random, or has a state that changes (module.eval()?)"
        )
    ways = {
        "in the reverse order": np.asarray(phi(PROBES[::-1].copy()))[::-1],
        "in another shape": np.asarray(phi(PROBES.reshape(8, 8).copy())).ravel(),
        "without the others": np.concatenate(
            [np.asarray(phi(x.copy())).ravel() for x in np.split(PROBES, 4)]
        ),
    }
    for how, other in ways.items():
        if other.shape != values.shape or not np.allclose(other, values, rtol=1e-9, atol=1e-12):
            raise ValueError(f"{name} is not elementwise: values of the same numbers {how} are others")
    if not np.array_equal(checked_values(phi, name), values):
        raise ValueError(f"{name} has a state that changes: its values are others now")
    return values


def assembled(
    name: str, phi: Map, dphi: Map | None, module: tuple[Any, ...], variance: float = 1.0
) -> Activation:
    """From values, and perhaps a derivative that was checked."""
    lines = slopes_of_lines(phi)
    near = smooth_next_to_zero(phi) if lines is None else None
    if near is not None:
        phi = functools.partial(_next_to_zero, near[0], phi)
        dphi = None if dphi is None else functools.partial(_next_to_zero, near[1], dphi)
    try:
        kinks = find_kinks(phi, dphi)
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from None
    power = power_at_zero(phi) if 0.0 in kinks else 1.0
    if dphi is None:
        dphi = slope_by_values(phi, kinks)
        if near is not None:
            dphi = functools.partial(_next_to_zero, near[1], dphi)
    slopes = lines if set(kinks) <= {0.0} else None
    return Activation(name, phi, dphi, kinks, power, slopes, variance, module, name)


def _next_to_zero(near: Map, far: Map, x: Array) -> Array:
    x = np.asarray(x, dtype=np.float64)
    small = np.abs(x) < 2.0**-8
    if not small.any():
        return far(x)
    if small.all():
        return near(x)
    return np.where(small, near(np.where(small, x, 0.0)), far(np.where(small, 1.0, x)))
