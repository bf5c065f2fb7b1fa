"""E phi(u)^2, E phi'(u)^2 and d/dv E phi(u)^2 for u ~ N(0, v), any v.

Sums over the nodes of `_panels`, which depend on v by its octave: panels no wider than sqrt(v), out to where the
integrands have vanished. Where phi jumps, E phi'^2 is infinite, and d/dv E phi^2 has a term for each jump. What is left
out below 2^-60 is added in closed form from the power of phi at 0.

Relative error, against closed forms and adaptive quadrature: below 1e-12 (tests/library/edge_of_chaos); that of the
derivative is up to 1e-16 / sqrt(v) more if phi and phi' are not 0 at 0, since values at -u and u almost cancel. An
activation that oscillates too fast to be resolved, or grows so fast that an integral diverges or overflows, is refused.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from preactivations.activations.registry import REGISTRY, Activation
from preactivations.edge_of_chaos._panels import LOWEST, Nodes, Unresolved, jumps, nodes

__all__ = [
    "GRID",
    "Moments",
    "grid_moments",
    "is_steep",
    "moments",
    "moments_of_square",
    "nodes_for",
    "raw_moments",
    "slope_excess",
]

Array = NDArray[np.float64]

_REACHES = (10.0, 20.0, 40.0, 80.0)  # standard deviations
_CHUNK = 1 << 22  # numbers at once

#: Variances on which moments are tabulated, 48 per unit of log v.
GRID = np.exp(np.linspace(math.log(1e-12), math.log(1e9), 2322))


class Moments(NamedTuple):
    """Of u ~ N(0, v), elementwise in v."""

    square: Array  # E phi(u)^2
    slope_square: Array  # E phi'(u)^2
    derivative: Array  # d/dv E phi(u)^2 = E u phi(u) phi'(u) / v


@functools.lru_cache(maxsize=64)
def grid_moments(activation: Activation) -> tuple[Moments, str]:
    """Raw moments at the variances `GRID`, and the reason for what is not finite."""
    return raw_moments(activation, GRID)


def moments(activation: Activation, variance: ArrayLike) -> Moments:
    """Moments for each variance > 0; ValueError where one is not finite.

    `slope_square` is infinite where phi jumps or phi ~ |x|^power at 0 with power <= 1/2 (`is_steep`).
    """
    found, reason = raw_moments(activation, np.asarray(variance, dtype=np.float64))
    if reason:
        raise ValueError(reason)
    return found


def is_steep(activation: Activation) -> bool:
    """Whether E phi'(u)^2 is infinite."""
    return activation.power <= 0.5 or bool(jumps(activation))


def raw_moments(activation: Activation, v: Array) -> tuple[Moments, str]:
    """`moments`, and the reason for what is not finite: infinity where phi^2 overflows, NaN where it is unresolved."""
    if activation.slopes is not None:
        half = sum(slope**2 for slope in activation.slopes) / 2
        return Moments(half * v, np.full_like(v, half), np.full_like(v, half)), ""
    if activation.phi is REGISTRY["erf"].phi:
        # Williams 1997
        return Moments(
            2 / math.pi * np.arcsin(2 * v / (1 + 2 * v)),
            4 / math.pi / np.sqrt(1 + 4 * v),
            4 / math.pi / ((1 + 2 * v) * np.sqrt(1 + 4 * v)),
        ), ""
    flat, out, reasons = v.ravel(), np.zeros((3, v.size)), []
    octaves = octave_of(flat)
    for octave in np.unique(octaves):
        which = np.flatnonzero(octaves == octave)
        if any(np.isnan(out[0, octaves < octave])):
            out[:, which] = math.nan
            continue
        for reach in _REACHES:
            try:
                # the Gaussian is steep far out
                at = nodes(activation, int(octave), reach, _REACHES[0] / reach)
            except Unresolved as problem:
                out[:, which] = math.nan
                reasons.append(f"E phi(u)^2 for u ~ N(0, {flat[which[0]]:g}): {problem}")
                break
            for part in np.array_split(which, 1 + which.size * at.u.size // _CHUNK):
                out[:, part], converged = _sums(at, flat[part])
                # where phi is 0 near 0 the integrand is farther out
                converged &= (out[0, part] > 0) | (reach == _REACHES[-1])
                which = which[~np.isin(which, part[converged])]
            if not which.size:
                break
        else:
            out[:, which] = math.inf
            reasons.append(
                f"E phi(u)^2 of {activation.name} for u ~ N(0, {flat[which[0]]:g}) is infinite, or overflows"
            )
    square, slope_square, derivative = out.reshape(3, *v.shape)
    for at_jump in jumps(activation):
        density = np.exp(-0.5 * at_jump.at**2 / v) / np.sqrt(2 * math.pi * v)
        derivative = derivative + at_jump.at * (at_jump.right**2 - at_jump.left**2) / 2 * density
    if is_steep(activation):
        slope_square = np.full_like(v, math.inf)
    elif activation.power < 1:
        lowest = 2.0**LOWEST
        tail = float(np.sum(activation.dphi(np.array([-lowest, lowest])) ** 2)) * lowest
        slope_square = slope_square + tail / (2 * activation.power - 1) / np.sqrt(2 * math.pi * v)
    return Moments(square, slope_square, derivative / v), reasons[0] if reasons else ""


def octave_of(variance: ArrayLike) -> NDArray[np.intp]:
    """k with 2^k <= sqrt(variance) < 2^(k + 1)."""
    return np.asarray(np.frexp(np.sqrt(variance))[1] - 1)


def _density(u: Array, v: Array) -> Array:
    """Of N(0, v), shape (variances, nodes)."""
    exponent = u**2 / (-2 * v[:, None])
    # numbers that underflow take ten times longer than zeros
    return np.exp(np.where(exponent < -700, -math.inf, exponent)) / np.sqrt(2 * math.pi * v)[:, None]


def _sums(at: Nodes, v: Array) -> tuple[Array, NDArray[np.bool_]]:
    """The three integrals, shape (3, variances), and whether the integrands have vanished where the nodes end."""
    outer = np.abs(at.u) > 0.8 * np.abs(at.u).max()
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        density = _density(at.u, v)
        value = density * at.phi  # before it is squared: phi^2 may overflow where the product does not
        density *= at.dphi
        phi, dphi = at.weight * at.phi, at.weight * at.dphi
        sums = np.stack([value @ phi, density @ dphi, value @ (at.u * dphi)])
        ends = np.stack([value[:, outer] @ phi[outer], density[:, outer] @ dphi[outer]])
        converged = np.asarray(np.isfinite(sums).all(axis=0) & (ends <= 1e-13 * sums[:2]).all(axis=0))
        if np.abs(at.phi).max() > 1e100:  # where the density has underflowed, phi^2 may be as large
            size = 2 * np.log(np.abs(at.phi)) - at.u**2 / (2 * v[:, None])
            size[at.u**2 < 1400 * v[:, None]] = -math.inf
            converged &= size.max(axis=1) < np.log(sums[0]) - 40
    return sums, converged


def nodes_for(activation: Activation, variance: float, width: float) -> Nodes:
    """Nodes out to where phi times the root of the density of N(0, variance) has vanished, `width` as in `nodes`.

    ValueError if they would reach farther than 40 standard deviations, or where phi overflows.
    """
    octave, square = int(octave_of(variance)), float(moments(activation, variance).square)
    for reach in (14.0, 20.0, 28.0, 40.0):
        at = nodes(activation, octave, reach / 2, width)
        u = np.abs(at.u)
        with np.errstate(over="ignore", invalid="ignore"):
            half = at.phi * np.exp(-(at.u**2) / (4 * variance)) / (2 * math.pi * variance) ** 0.25
            whole = float(at.weight @ half**2)
        outer = np.max(np.abs(half[u > 0.9 * u.max()]), initial=0) * variance**0.25
        if outer <= 1e-13 * math.sqrt(square) and abs(whole - square) <= 1e-10 * square:
            return at
    raise Unresolved(
        f"what counts of {activation.name} at variance {variance:g} is too far out for correlations"
    )


def slope_excess(activation: Activation, variance: ArrayLike) -> Array:
    """v E phi'(u)^2 - E phi(u)^2, accurate also where phi is almost linear and the two almost cancel.

    Both are reduced by a^2 v, a = E phi', so that the remainder r = phi - a u takes the place of phi: E u r = E r' = 0.
    """
    v = np.asarray(variance, dtype=np.float64).ravel()
    moments(activation, v)  # refuses what can't be integrated
    out = np.empty(v.size)
    for k, one in enumerate(v):
        tried = (nodes(activation, int(octave_of(one)), reach, _REACHES[0] / reach) for reach in _REACHES)
        at = next(at for at in tried if _sums(at, v[k : k + 1])[1])
        mass = _density(at.u, v[k : k + 1])[0] * at.weight
        slope = float(mass @ at.dphi)
        rest, dphi = at.phi - slope * at.u, at.dphi - slope
        out[k] = one * float(mass @ dphi**2) - float(mass @ rest**2)
    return out.reshape(np.shape(variance))


def moments_of_square(activation: Activation, variance: float) -> tuple[float, float, float]:
    """E phi(u)^2, E phi(u)^4, E phi(u)^2 He4(u / sqrt v); ValueError where one is infinite, or overflows."""
    for reach in _REACHES:
        at = nodes(activation, int(octave_of(variance)), reach, _REACHES[0] / reach)
        x = at.u / math.sqrt(variance)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            log_square = 2 * np.log(np.abs(at.phi))  # the density may underflow where phi^4 is as large
            logs = np.stack([log_square, 2 * log_square, log_square + 4 * np.log(np.abs(x))]) - x**2 / 2
            terms = at.weight * np.exp(logs) / math.sqrt(2 * math.pi * variance)
        sums, outer = terms.sum(1), terms[:, np.abs(x) > 0.8 * np.abs(x).max()].sum(1)
        if np.isfinite(sums).all() and (outer <= 1e-13 * sums).all():
            return float(sums[0]), float(sums[1]), float(terms[0] @ (x**4 - 6 * x**2 + 3))
    raise ValueError(f"E phi(u)^4 of {activation.name} for u ~ N(0, {variance:g}) is infinite, or overflows")
