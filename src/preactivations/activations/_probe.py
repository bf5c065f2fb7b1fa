"""Kinks, jumps and slopes of a function of one variable that is known by its values.

Kinks are where polynomials fit on very small panels only: panels are octaves of |x|, halved until the last of 17
Chebyshev coefficients are below 2e-11 of the values, and those that end up 2^6 times smaller than their octave and than
panels nearby hold a kink of phi, phi' or phi''. It is found to rounding where phi jumps, and else where the polynomials
on its sides, or their slopes, meet. Kinks of higher derivatives are left: they cost integrals nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_kinks", "power_at_zero", "slope_by_values", "slopes_of_lines", "smooth_next_to_zero"]

Array = NDArray[np.float64]
Map = Callable[[Array], Array]

_LOWEST, _NEAR, _HIGHEST = -10, 6, 20  # octaves of |x|; what is below is one panel about 0
_OFF = 1.03714  # of the ends of octaves, so that no kink is likely to be one
_ROUGH = 2e-11  # of the values
_SMALL = 2.0**-6  # of the octave, and of the largest of the panels nearby
_NEARBY = 12  # panels
_NARROW = 2.0**-40  # of |x|, or of 2^_LOWEST
_MOST = 1 << 14  # panels
_JUMP = 1e-7  # of the values: smaller ones are no jumps (PyTorch's softplus has one of 2e-9 where it is cut)

# with the ends, next to which a kink would be missed otherwise
_T = np.cos(np.linspace(math.pi, 0, 17))
_TAIL = np.linalg.inv(np.polynomial.chebyshev.chebvander(_T, 16)).T[:, -3:]
_STENCIL = np.cos(np.linspace(math.pi, 0, 9))


def find_kinks(phi: Map, dphi: Map | None = None) -> tuple[float, ...]:
    """Points where phi, or its derivative, jumps or has no limit, in increasing order.

    For |x| < 66; from there to 2^20 too, if they are few there.

    Raises
    ------
    ValueError
        If there are too many for |x| < 66.
    """
    octaves = _OFF * 2.0 ** np.arange(_LOWEST, _HIGHEST + 1)
    edges = np.concatenate([-1.01 * octaves[::-1], octaves])
    ends = np.stack([edges[:-1], edges[1:]], axis=1)
    inner = ends[np.abs(ends).max(axis=1) < 1.1 * _OFF * 2.0**_NEAR]
    outer = ends[np.abs(ends).max(axis=1) >= 1.1 * _OFF * 2.0**_NEAR]
    functions = (phi,) if dphi is None else (phi, dphi)
    with np.errstate(all="ignore"):
        values = [function(inner.mean(axis=1)) for function in functions]
    # of the values of each function, that are of account
    floors = [1e-4 * min(1.0, float(np.abs(found[np.isfinite(found)]).max(initial=0))) for found in values]
    if dphi is not None:
        floors[1] = 1e-4 * float(np.abs(values[1][np.isfinite(values[1])]).max(initial=0))
    found = _search(functions, floors, inner, _MOST)
    if isinstance(found, float):
        raise ValueError(f"it varies too fast: it has too many kinks, or oscillates, near x = {found:g}")
    kinks = _refined(phi, found)
    far = _search(functions, floors, outer, _MOST >> 3)
    sides = [] if isinstance(far, float) else [far[far[:, 0] < 0], far[far[:, 0] > 0]]
    return tuple(sorted({*kinks, *(kink for side in sides for kink in _refined(phi, side))}))


def _search(functions: tuple[Map, ...], floors: list[float], ends: Array, most: int) -> Array | float:
    """Panels (ends, size of the octave) on which all functions are polynomials; a place where they are too many."""
    done, count, octave = [], 0, np.diff(ends, axis=1)[:, 0]
    while len(ends):
        count += len(ends)
        if count > most:
            return float(ends[0, 0])
        half = np.diff(ends, axis=1) / 2
        u = ends.mean(axis=1, keepdims=True) + half * _T
        rough = np.zeros(len(ends))
        for function, floor in zip(functions, floors, strict=True):
            with np.errstate(all="ignore"):
                values = function(u)
            size = np.abs(values).max(axis=1)
            # what overflows far out has no kinks that count
            known = np.isfinite(values).all(axis=1) & (size > 1e-280)
            tail = np.abs(np.where(known[:, None], values, 0.0) @ _TAIL).max(axis=1)
            rough = np.maximum(rough, np.where(known, tail / (size + floor + 1e-290), 0.0))
        scale = np.maximum(np.abs(ends).max(axis=1), 2.0**_LOWEST)
        ready = (rough <= _ROUGH) | (half[:, 0] < _NARROW * scale)
        done.append(np.column_stack([ends, octave])[ready])
        split, octave = ends[~ready], np.tile(octave[~ready], 2)
        middle = split.mean(axis=1)
        ends = np.concatenate([np.stack([split[:, 0], middle], 1), np.stack([middle, split[:, 1]], 1)])
    panels = np.concatenate(done)
    return panels[np.argsort(panels[:, 0])]


def _refined(phi: Map, panels: Array) -> tuple[float, ...]:
    """One point for each run of panels (ends, size of the octave) that are much smaller than those nearby."""
    width = panels[:, 1] - panels[:, 0]
    padded = np.pad(width, _NEARBY)
    largest = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEARBY + 1).max(axis=1)
    small = np.flatnonzero(width < _SMALL * np.minimum(largest, panels[:, 2]))
    kinks = set()
    for run in np.split(small, np.flatnonzero(np.diff(small) > 1) + 1):
        if len(run):
            least = run[width[run] <= 4 * width[run].min()]
            kinks.add(_refine(phi, float(panels[least[0], 0]), float(panels[least[-1], 1])))
    # what is next to 0 belongs to a singularity there
    return tuple(sorted(kink for kink in kinks if not kink or 0 not in kinks or abs(kink) > 1e-3))


def _refine(phi: Map, low: float, high: float) -> float:
    """The kink between two points, from the polynomials on both sides."""
    if low <= 0 <= high:
        return 0.0
    middle = (low + high) / 2
    reach = 1e-3 * abs(middle) + (high - low)
    left, right = (_polynomial(phi, middle + side * reach, side * (high - low)) for side in (-1, 1))
    below, above = low, high
    while (half := (below + above) / 2) not in (below, above):
        value = float(phi(np.array([half]))[0])
        below, above = (half, above) if abs(value - left(half)) < abs(value - right(half)) else (below, half)
    before, after = phi(np.array([below, above]))
    if abs(after - before) > _JUMP * max(abs(before), abs(after), 1e-3):
        return _simple(above, abs(above) * 2.0**-50)
    for order, error in ((0, 1e-8), (1, 1e-6)):
        one, other = (side.deriv(order) if order else side for side in (left, right))
        slope = one.deriv()(middle) - other.deriv()(middle)
        meet = middle - (one(middle) - other(middle)) / slope if slope else math.inf
        if low <= meet <= high:
            return _simple(float(meet), error * max(1.0, abs(meet)), 6)
    return _simple(middle, high - low, 6)


def _polynomial(phi: Map, begin: float, margin: float) -> np.polynomial.Polynomial:
    """Of degree 8, through values from `begin` to a margin before the kink."""
    end = begin - math.copysign(abs(begin) * 1e-3 / 1.001 * 0.9, margin)
    u = (begin + end) / 2 + (end - begin) / 2 * _STENCIL
    return np.polynomial.Polynomial.fit(u, phi(u), 8)


def _simple(value: float, error: float, digits: int = 16) -> float:
    """The number of fewest digits within the error, if it has no more than `digits`."""
    for number in range(1, digits):
        rounded = float(f"{value:.{number}g}")
        if abs(rounded - value) <= error:
            return rounded
    return value


def slope_by_values(phi: Map, kinks: tuple[float, ...] = ()) -> Map:
    """phi' of a function that is smooth between its kinks, by values alone, elementwise.

    Of the polynomial through phi at 9 points within w (1 + |x|), all on the side of the kinks where x is; a kink itself
    counts to its right. w is .02, or so much smaller that half of it gives the same. Error about 2e-15 / w of the
    values; what is below that of a constant is 0.
    """
    edges = np.array([-math.inf, *sorted(kinks), math.inf])
    x = np.sinh(np.linspace(-3.69, 3.71, 61)) / 2.1
    width = 0.02
    while width > 1e-4:
        with np.errstate(all="ignore"):
            wide, narrow = (_slopes(phi, edges, w, x) for w in (width, width / 2))
        if not np.any(np.abs(wide - narrow) > 1e-10 * (1 + np.abs(narrow))):
            break
        width /= 2
    return functools.partial(_slopes, phi, edges, width)


def _slopes(phi: Map, edges: Array, width: float, x: Array) -> Array:
    flat = np.asarray(x, dtype=np.float64).ravel()
    where = np.searchsorted(edges, flat, side="right")
    low, high = edges[where - 1], edges[np.minimum(where, len(edges) - 1)]
    half = np.minimum(width * (1 + np.abs(flat)), 0.25 * (high - low))
    middle = np.clip(flat, low + half, high - half)
    # inside, since a kink may belong to the other side
    values = phi(middle[:, None] + 0.999 * half[:, None] * _STENCIL)
    t = (flat - middle) / (0.999 * half)
    derivative = np.einsum("ni,ni->n", values, _differentiation(np.clip(t, -1.002, 1.002)))
    derivative = np.where(np.abs(derivative) < 1e-13 * np.abs(values).max(axis=1), 0.0, derivative)
    return np.asarray((derivative / (0.999 * half)).reshape(np.shape(x)))


@functools.cache
def _lagrange() -> Array:
    """Coefficients of the derivatives of the Lagrange polynomials of the stencil, shape (9, 8), lowest power first."""
    rows = []
    for k, at in enumerate(_STENCIL):
        others = np.delete(_STENCIL, k)
        basis = np.polynomial.polynomial.polyfromroots(others) / np.prod(at - others)
        rows.append(np.polynomial.polynomial.polyder(basis))
    return np.array(rows)


def _differentiation(t: Array) -> Array:
    """Weights of the values at the stencil in the derivative at each t, shape (n, 9)."""
    return np.asarray(np.polynomial.polynomial.polyvander(t, 7) @ _lagrange().T)


def power_at_zero(phi: Map) -> float:
    """p with phi(x) - phi(0) ~ |x|^p at 0 if p < 1, else 1."""
    h = np.array([1e-6, 1e-9, 1e-12])
    zero = float(phi(np.zeros(1))[0])
    size = np.maximum(np.abs(phi(h) - zero), np.abs(phi(-h) - zero))
    if not (size > 0).all():
        return 1.0
    powers = np.diff(np.log(size)) / np.diff(np.log(h))
    # a jump has power 0; a power that is not settled is that of a function that is differentiable
    return float(_simple(powers[1], 1e-4)) if 0.01 < powers[1] < 0.99 and abs(np.ptp(powers)) < 0.05 else 1.0


def slopes_of_lines(phi: Map) -> tuple[float, float] | None:
    """Slopes left and right of 0 of a function that seems linear on both sides and is 0 at 0, else None."""
    x = np.concatenate([2.0 ** np.arange(-40, 40), np.geomspace(0.011, 970, 61)])
    with np.errstate(all="ignore"):
        left, right = -phi(-x) / x, phi(x) / x
    straight = max(np.ptp(left), np.ptp(right)) <= 1e-15 * max(abs(left[0]), abs(right[0]))  # not for NaN
    if float(phi(np.zeros(1))[0]) != 0 or not straight:
        return None
    return float(left[0]) + 0.0, float(right[0]) + 0.0  # no negative zeros


def smooth_next_to_zero(phi: Map) -> tuple[Map, Map] | None:
    """phi for |x| < 2^-8 as polynomials of degree 8 on either side, and their slopes, in place of rounding noise.

    Values such as log(1 + exp(x)) - log 2 are known to the rounding of 1 only, which is more than they are next to 0.
    None where no such polynomials fit to that rounding. phi(0) itself is kept.
    """
    nodes = 2.0**-6 * (1 - np.cos(np.linspace(0, math.pi, 49))) / 2 + 2.0**-40
    zero = float(phi(np.zeros(1))[0])
    fits = []
    for side in (-1.0, 1.0):
        values = phi(side * nodes)
        start = zero if abs(values[0] - zero) < 1e-9 else float(values[0])
        powers = np.arange(1, 9)
        columns = (nodes[:, None] * 64) ** powers
        coefficients, *_ = np.linalg.lstsq(columns, values - start, rcond=None)
        if not np.abs(columns @ coefficients - (values - start)).max() <= 4e-15 * max(
            1.0, float(np.abs(values).max())
        ):
            return None
        scaled = coefficients * 64.0**powers * side**powers
        fits.append(np.concatenate([[start], scaled]))

    def value(x: Array) -> Array:
        left, right = (np.polynomial.polynomial.polyval(x, fit) for fit in fits)
        return np.where(x == 0, zero, np.where(x < 0, left, right))

    def slope(x: Array) -> Array:
        left, right = (
            np.polynomial.polynomial.polyval(x, np.polynomial.polynomial.polyder(fit)) for fit in fits
        )
        return np.where(x < 0, left, right)

    return value, slope
