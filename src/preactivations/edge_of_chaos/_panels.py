"""An activation as polynomials on panels that resolve it: all Gaussian integrals of this package start here.

Panels are octaves 2^k <= |u| < 2^(k+1), split at the kinks, and halved until the last of 16 Legendre coefficients of
phi and phi' are below 2e-11 of the values there. So a cusp or an oscillation in log|x| at 0 needs no care, and one that
oscillates in x gets as many panels as it needs, up to a limit. Panels are made once per activation and octave, since
exact activations take 50 microseconds per point. Below 2^-60 phi is a power (`_gaussian_moments`).

What is narrower than the distance of the 16 nodes of a panel, |u| / 30, and not at a kink, may be missed: state a kink
at a spike.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from preactivations.activations.registry import Activation

__all__ = ["LOWEST", "Jump", "Nodes", "Panels", "Unresolved", "jumps", "nodes", "panels"]

Array = NDArray[np.float64]

LOWEST = -60  # panels begin at 2^LOWEST
_ORDER = 16
_MOST = 1 << 14  # panels per octave
_SMALL = 1e-280  # of no account
_NARROW = 2.0**-44  # of |u|: a panel so small holds a point where phi' jumps

_T, _W = np.polynomial.legendre.leggauss(_ORDER)
_TO_COEFFICIENTS = (np.polynomial.legendre.legvander(_T, _ORDER - 1) * _W[:, None]) * (
    np.arange(_ORDER) + 0.5
)


class Unresolved(ValueError):
    """The activation varies too fast for the number of points that integrals may take."""


class Jump(NamedTuple):
    """A point where phi jumps, with the limits on both sides."""

    at: float
    left: float
    right: float


class Panels(NamedTuple):
    """In increasing order of |u|; on each, phi and phi' are polynomials in t = (2u - a - b) / (b - a)."""

    ends: Array  # (panels, 2): a, b
    phi: Array  # (panels, 16): Legendre coefficients
    dphi: Array
    finite: float  # phi overflows, or is NaN, from this |u| on
    scale: float  # largest |phi|


class Nodes(NamedTuple):
    """Nodes and weights of a Gauss-Legendre rule, with phi and phi' there; shape (n,) each."""

    u: Array
    weight: Array
    phi: Array
    dphi: Array


@functools.lru_cache(maxsize=256)
def jumps(activation: Activation) -> tuple[Jump, ...]:
    """Those of the stated kinks at which phi itself jumps: differences across them do not shrink with the distance."""
    found = []
    for kink in activation.kinks:
        if kink == 0 and activation.power < 1:
            continue  # a cusp, however steep
        near, far = (0.5**60, 0.5**30) if kink == 0 else (abs(kink) * 0.5**50, abs(kink) * 0.5**30)
        left, right = activation.phi(np.array([[kink - near, kink - far], [kink + near, kink + far]]))
        size = np.abs(right - left)
        if size[0] > 1e-9 * max(abs(left[0]), abs(right[0])) and abs(size[1] - size[0]) < 0.1 * size[0]:
            found.append(Jump(float(kink), float(left[0]), float(right[0])))
    return tuple(found)


@functools.lru_cache(maxsize=128)
def panels(activation: Activation, last: int) -> Panels:
    """All panels with 2^LOWEST <= |u| < 2^(last + 1); `Unresolved` if they are too many."""
    octaves = [_octave(activation, k) for k in range(LOWEST, last + 1)]
    ends, phi, dphi = (np.concatenate([o[i] for o in octaves]) for i in range(3))
    finite = min(o.finite for o in octaves)
    kept = np.abs(ends).max(axis=1) <= finite
    return Panels(ends[kept], phi[kept], dphi[kept], finite, octaves[-1].scale)


@functools.lru_cache(maxsize=8192)
def _octave(activation: Activation, k: int) -> Panels:
    low, high = 2.0**k, 2.0 ** (k + 1)
    todo = []
    for sign in (-1.0, 1.0):
        inside = [abs(kink) for kink in activation.kinks if low < sign * kink < high]
        edges = sign * np.unique([low, *inside, high])
        todo.append(np.sort(np.stack([edges[:-1], edges[1:]], axis=1), axis=1))
    ends, before = np.concatenate(todo), np.full(sum(map(len, todo)), math.inf)
    inner = _octave(activation, k - 1).scale if k > LOWEST else 0.0
    scale = inner
    if k > LOWEST:  # across the edges that are no panel's inside
        _no_jumps(
            activation, low * np.array([[-1 - _NARROW, -1 + _NARROW], [1 - _NARROW, 1 + _NARROW]]), scale
        )
    done, count, finite = [], 0, math.inf
    while len(ends):
        if count + len(ends) > _MOST:
            raise Unresolved(
                f"{activation.name} varies too fast: more than {_MOST * _ORDER} points would be needed to integrate it "
                f"over {low:g} <= |u| < {high:g}"
            )
        half = np.diff(ends, axis=1) / 2
        u = ends.mean(axis=1, keepdims=True) + half * _T
        with np.errstate(all="ignore"):
            values = np.stack([activation.phi(u), activation.dphi(u)])
        known = np.asarray(np.isfinite(values).all(axis=0))
        values = np.where(known, values, 0.0)
        size = np.abs(values).max(axis=2)
        scale = max(scale, float(size[0].max()))
        coefficients = values @ _TO_COEFFICIENTS
        tail = np.abs(coefficients[..., -3:]).max(axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            # differences of larger numbers, such as 1 - tanh^2, are known to rounding of these
            # (and what is next to underflow has none)
            worst = (tail / (size + 1e-3 * np.array([[inner], [inner / high]]) + _SMALL)).max(axis=0)
        worst = np.nan_to_num(worst)
        narrow = half[:, 0] < _NARROW * high
        # halving does not improve what is rounding noise
        good = (worst <= 2e-11) | ((worst <= 1e-9) & (worst > before / 4)) | narrow
        whole, part = known.all(axis=1), known.any(axis=1) & (half[:, 0] > high / 1024)
        _no_jumps(activation, ends[narrow & whole], scale)
        for begin in np.abs(ends[~whole & ~part]).min(axis=1):
            finite = min(finite, float(begin))
        ready = whole & good
        done.append((ends[ready], coefficients[0, ready], coefficients[1, ready]))
        count += int(ready.sum())
        split = (whole & ~good) | (~whole & part)
        middle = ends[split].mean(axis=1)
        ends = np.concatenate(
            [np.stack([ends[split, 0], middle], axis=1), np.stack([middle, ends[split, 1]], axis=1)]
        )
        before = np.tile(worst[split], 2)
    sides, phi, dphi = (np.concatenate([d[i] for d in done]) for i in range(3))
    order = np.argsort(np.abs(sides).min(axis=1), kind="stable")
    return Panels(sides[order], phi[order], dphi[order], finite, scale)


def _no_jumps(activation: Activation, ends: Array, scale: float) -> None:
    stated = np.min(np.abs(np.append(activation.kinks, math.inf) - ends.mean(axis=1)[:, None]), axis=1)
    ends = ends[stated > np.abs(ends).max(axis=1) * 2 * _NARROW]
    if len(ends):
        with np.errstate(all="ignore"):
            size = np.abs(np.diff(activation.phi(ends), axis=1))[:, 0]
        if np.any(size[np.isfinite(size)] > 1e-6 * max(scale, _SMALL)):
            raise ValueError(
                f"{activation.name} jumps near u = {ends[int(np.argmax(size)), 0]:.6g}, which is not among its kinks: "
                "state it there, Activation(kinks=...)"
            )


@functools.lru_cache(maxsize=256)
def nodes(activation: Activation, octave: int, reach: float, width: float = 1.0) -> Nodes:
    """Nodes for u ~ N(0, v), 2^octave <= sqrt(v) < 2^(octave + 1), in the panels.

    They reach to 2 reach 2^octave, or to where phi overflows, and no panel is wider than width 2^octave, so that the
    Gaussian is resolved as well. The first two are for what is below the first panel, where phi' counts as 0 if it is
    infinite at 0.
    """
    s = 2.0**octave
    end = 2 * reach * s
    all_of_them = panels(activation, math.ceil(math.log2(end)) - 1)
    kept = np.abs(all_of_them.ends).min(axis=1) < end
    a, b = all_of_them.ends[kept].T
    parts = np.maximum(1, np.ceil((b - a) / (width * s))).astype(int)
    which = np.repeat(np.arange(len(a)), parts)
    number = np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts)
    share = 1 / parts[which]
    t = -1 + (2 * number[:, None] + 1 + _T) * share[:, None]  # (panels, 16)
    middle, half = (a + b) / 2, (b - a) / 2
    u = middle[which, None] + half[which, None] * t
    basis = np.polynomial.legendre.legvander(t, _ORDER - 1)
    phi = np.einsum("pnk,pk->pn", basis, all_of_them.phi[kept][which])
    dphi = np.einsum("pnk,pk->pn", basis, all_of_them.dphi[kept][which])
    weight = (half[which] * share)[:, None] * _W
    inside = np.abs(u).max(axis=1) < end
    near = 2.0 ** (LOWEST - 1) * np.array([-1.0, 1.0])
    steep = activation.power < 1
    return Nodes(
        np.concatenate([near, u[inside].ravel()]),
        np.concatenate([2 * np.abs(near), weight[inside].ravel()]),
        np.concatenate([activation.phi(near), phi[inside].ravel()]),
        np.concatenate([0 * near if steep else activation.dphi(near), dphi[inside].ravel()]),
    )
