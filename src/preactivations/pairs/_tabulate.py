"""Piecewise polynomial tables of an exact activation, for fast evaluation (`modules.GaussianActivation`).

Hermite interpolation from phi, phi' and phi'' (cubic for float32, quintic for float64), with the number of pieces
doubled until the error measured at the middles of the pieces meets the tolerance.

==========================  ============  ==========================================================
pair                        tabulated     pieces
==========================  ============  ==========================================================
odd                         phi           uniform on |x| < 12, fractions of octaves beyond
odd, spherical with b > 0   phi           fractions of octaves everywhere: phi ~ |x|^(1/(1+2b)) at 0 is
                                          no smoother in x, but as smooth in one octave as in the next
positive                    log phi       uniform on |x| < 12, fractions of octaves beyond (phi stays
                                          positive)
==========================  ============  ==========================================================

The fraction of an octave (a power-of-two share of [2^k, 2^(k+1))) in which x lies follows from the leading bits of its
floating-point representation. Octaves run to the largest finite number; infinity and NaN have pieces of their own.
Beyond 12 they interpolate the leading terms of the coupling,

    phi = kappa (x^2 + beta log x + c)^(p/2),

with kappa and c such that phi and phi' are continuous at 12: p = 1 - 2/theta, beta = -2 for Weibull weights
(theta = 2: constant), p = 1, beta = 4b for spherical ones. Left of -12 the positive kind is proportional to
P(N < x) for Weibull weights and to P(N < x)^(1/(1+2b)) for spherical ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull

Array = NDArray[np.float64]

EDGE = 12.0
_MAX_PIECES = 1 << 15
_FAR_BITS = {3: 3, 5: 2}  # degree -> log2 of the pieces per octave beyond 12


class Pieces(NamedTuple):
    """Coefficients of t^k, t in [0, 1], of the pieces, in the order of the columns of a table.

    `uniform` (degree + 1, pieces) covers |x| < 12 (empty if octaves do), `per_unit` pieces per unit of x, from x = 0
    (odd) or -12 (positive). `right` and `left` are the octave pieces for either sign of x (`left` is empty for the odd
    kind), 2^octave_bits per octave, the first of which begins at |x| = `lowest`.
    """

    uniform: Array
    right: Array
    left: Array
    per_unit: int
    octave_bits: int
    lowest: float
    error: float


def steep_at_zero(pair: GaussianPair) -> bool:
    """Whether phi has an infinite slope at 0."""
    return pair.kind == "odd" and isinstance(pair.weights, SphericalMarginal) and pair.weights.b > 0


def _derivatives(pair: GaussianPair, x: Array) -> Array:
    """(value, first, second derivative) of the tabulated function, phi or log phi; shape (3, len(x))."""
    f = np.stack([pair.phi(x), pair.dphi(x), pair.d2phi(x)])
    if pair.kind == "odd":
        return f
    ratio = f[1] / f[0]
    return np.stack([np.log(f[0]), ratio, f[2] / f[0] - ratio**2])


def _hermite(left: Array, right: Array, degree: int) -> Array:
    """Coefficients (degree + 1, pieces) of t^k, from (f, h f', h^2 f'') at both ends of pieces of length h."""
    # scaled by 2^-8: no overflow next to the largest number
    (v0, d0, e0), (v1, d1, e1) = np.ldexp(left, -8), np.ldexp(right, -8)
    delta = v1 - v0
    if degree == 3:
        c = [v0, d0, 3 * delta - 2 * d0 - d1, d0 + d1 - 2 * delta]
    else:
        e0, e1 = 0.5 * e0, 0.5 * e1
        c = [
            v0,
            d0,
            e0,
            10 * delta - 6 * d0 - 4 * d1 - 3 * e0 + e1,
            -15 * delta + 8 * d0 + 7 * d1 + 3 * e0 - 2 * e1,
            6 * delta - 3 * (d0 + d1) - e0 + e1,
        ]
    return np.ldexp(np.stack(c), 8)


def build(pair: GaussianPair, degree: int, tolerance: float, exponents: tuple[int, int]) -> Pieces:
    """Table of `pair` whose measured error on |x| < 12 is below `tolerance`.

    The error is |approximation - phi| / max(phi, 1e-3) for the odd kind and the relative one for the positive
    kind, at the middles of the pieces.

    Parameters
    ----------
    degree : {3, 5}
    exponents : (int, int)
        Of the floating-point format: 2^exponents[0] is the smallest normal number, 2^exponents[1] would be
        infinity. (-126, 128) for float32, (-1022, 1024) for float64.

    Raises
    ------
    ValueError
        If 2^15 pieces are not enough (large b of a spherical pair).
    """
    error = math.inf
    if steep_at_zero(pair):
        for bits in range(4 if degree == 3 else 2, 10):
            pieces = _octaves_only(pair, degree, bits, exponents)
            error = pieces.error
            if error <= tolerance:
                return pieces
    else:
        start = 0.0 if pair.kind == "odd" else -EDGE
        per_unit = 32 if degree == 3 else 8
        while (EDGE - start) * per_unit <= _MAX_PIECES:
            grid = start + np.arange(round((EDGE - start) * per_unit) + 1) / per_unit
            f = _derivatives(pair, grid) / per_unit ** np.arange(3.0)[:, None]
            uniform = _hermite(f[:, :-1], f[:, 1:], degree)
            error = _error(pair, 0.5 * (grid[1:] + grid[:-1]), uniform)
            if error <= tolerance:
                bits = _FAR_BITS[degree]
                right, left = _far(pair, degree, bits, exponents[1])
                return Pieces(uniform, right, left, per_unit, bits, EDGE, error)
            per_unit *= 2
    raise ValueError(
        f"{pair!r}: no table of at most {_MAX_PIECES} pieces reaches an error of {tolerance:.0e} "
        f"(reached {error:.1e}); use the exact pairs.GaussianPair, or smaller b"
    )


def _error(pair: GaussianPair, middle: Array, pieces: Array) -> float:
    exact, approx = pair.phi(middle), np.polynomial.polynomial.polyval(0.5, pieces)
    if pair.kind == "odd":
        return float(np.max(np.abs(approx - exact) / np.maximum(exact, 1e-3)))
    return float(np.max(np.abs(np.expm1(approx - np.log(exact)))))


def _octaves_only(pair: GaussianPair, degree: int, bits: int, exponents: tuple[int, int]) -> Pieces:
    """Octave pieces from the smallest normal number to 12 and on to infinity; a chord below it, from 0."""
    n = 1 << bits
    k = np.arange(exponents[0] * n, 3 * n + n // 2)  # up to 12 = 2^3 (1 + 1/2)
    edges = np.ldexp(1 + (k % n) / n, k // n)
    width = np.ldexp(1.0 / n, k // n)
    body = _hermite(_near_zero(pair, edges, width), _near_zero(pair, edges + width, width), degree)
    error = _error(pair, edges + 0.5 * width, body)
    smallest = float(pair.phi(edges[0]))
    subnormal = np.zeros((degree + 1, n))
    subnormal[0], subnormal[1] = smallest * np.arange(n) / n, smallest / n
    far, left = _far(pair, degree, bits, exponents[1])
    return Pieces(np.empty((degree + 1, 0)), np.hstack([subnormal, body, far]), left, 1, bits, 0.0, error)


def _near_zero(pair: GaussianPair, x: Array, width: Array) -> Array:
    """(phi, width phi', width^2 phi'') of a pair that is steep at zero."""
    assert isinstance(pair.weights, SphericalMarginal)
    phi, dphi, d2phi = pair.phi(x), pair.dphi(x), pair.d2phi(x)
    # phi'' overflows below 1e-160: there phi = C x^gamma (1 + O(x^(2 gamma)))
    gamma, tiny, r = 1 / (1 + 2 * pair.weights.b), x < 1e-150, width / x
    first = np.where(tiny, gamma * r * phi, np.where(tiny, 0.0, dphi) * width)
    second = np.where(tiny, gamma * (gamma - 1) * r * r * phi, np.where(tiny, 0.0, d2phi) * width * width)
    return np.stack([phi, first, second])


def _far(pair: GaussianPair, degree: int, bits: int, exponent: int) -> tuple[Array, Array]:
    """The octave pieces (right, left): from 12 to 2^exponent, then infinity, then NaN to the octave's end."""
    n = 1 << bits
    k = np.arange(3 * n + n // 2, exponent * n)
    edges = np.ldexp(1 + (k % n) / n, k // n)
    width = np.ldexp(1.0 / n, k // n)
    last = np.minimum(edges, np.finfo(np.float64).max - width) + width
    right = _hermite(_right_tail(pair, edges, width), _right_tail(pair, last, width), degree)
    limit = float(pair.phi(math.inf))
    end = _special(limit if pair.kind == "odd" else math.log(limit), degree, n)
    if pair.kind == "odd":  # the slope at infinity, in pieces as wide as the last finite ones
        end[1, 0] = float(pair.dphi(math.inf)) * math.ldexp(1.0, exponent - 1 - bits)
    right = np.hstack([right, end])
    if pair.kind == "odd":
        return right, np.empty((degree + 1, 0))
    left = _hermite(_left_tail(pair, edges, width), _left_tail(pair, last, width), degree)
    return right, np.hstack([left, _special(-math.inf, degree, n)])


def _special(at_infinity: float, degree: int, n: int) -> Array:
    out = np.full((degree + 1, n), np.nan)
    out[:, 0] = 0.0
    out[0, 0] = at_infinity
    return out


def _right_tail(pair: GaussianPair, x: Array, width: Array) -> Array:
    """(f, width f', width^2 f'') at x >= 12 of f = phi (odd) or log phi (positive)."""
    value, slope = float(pair.phi(EDGE)), float(pair.dphi(EDGE))
    match pair.weights:
        case SphericalMarginal(b=b):
            p, beta = 1.0, 4 * b
        case SymmetricWeibull(theta=theta):
            p, beta = 1 - 2 / theta, -2.0
        case other:
            raise TypeError(f"no tail is known for {other!r}")
    if p == 0:
        f, df, d2f = np.full_like(x, math.log(value)), np.zeros_like(x), np.zeros_like(x)
    else:
        square = 0.5 * p * (2 * EDGE + beta / EDGE) * value / slope
        c = square - EDGE**2 - beta * math.log(EDGE)
        w = (beta * np.log(x) + c) / x / x  # phi = value (x^2 (1 + w) / square)^(p/2): no overflow
        f = math.log(value) + p * (np.log(x / math.sqrt(square)) + 0.5 * np.log1p(w))
        # derivatives of log phi, times the width of the piece
        r = width / x
        df = p * r * (1 + 0.5 * beta / x / x) / (1 + w)
        d2f = p * r * r * (1 - 0.5 * beta / x / x) / (1 + w) - 2 * df * df / p
    if pair.kind == "positive":
        return np.stack([f, df, d2f])
    phi = np.exp(np.minimum(f, math.log(np.finfo(np.float64).max)))
    return np.stack([phi, phi * df, phi * (d2f + df * df)])


def _left_tail(pair: GaussianPair, x: Array, width: Array) -> Array:
    """(f, width f', width^2 f'') of f = log phi(-x), as a function of x >= 12."""
    power = 1 / (1 + 2 * pair.weights.b) if isinstance(pair.weights, SphericalMarginal) else 1.0
    shift = math.log(float(pair.phi(-EDGE))) - power * float(sc.log_ndtr(-EDGE))
    vanished = x > 1e5  # phi has underflowed long before, and x^2 must not overflow
    x, width = np.where(vanished, 1e5, x), np.where(vanished, 0.0, width)
    log_tail = sc.log_ndtr(-x)
    # hazard of the normal law = x + 1/x - 2/x^3 + ..., and its derivative
    exact = np.exp(-0.5 * np.minimum(x, 100) ** 2 - 0.5 * math.log(2 * math.pi) - np.maximum(log_tail, -5100))
    far = x > 100
    hazard = np.where(far, x + 1 / x - 2 / x**3, exact)
    curvature = np.where(far, 1 - 1 / x**2 + 6 / x**4, exact * (exact - x))
    return np.stack([power * log_tail + shift, -power * hazard * width, -power * curvature * width**2])
