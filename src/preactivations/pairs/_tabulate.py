"""Tables of activations (`table.TabulatedActivation`) from phi, phi' and phi'' by Hermite interpolation.

=======  ==========================  ====================================================================
format   pieces on |x| < 12          beyond
=======  ==========================  ====================================================================
float64  quintic, to 2e-14 relative  as inside, up to 2^27; then a power of |x|
float32  cubic, to 1e-7              up to the largest number, by the leading terms of the coupling if that is exact
=======  ==========================  ====================================================================

The number of pieces is doubled until the error measured inside them meets the tolerance, or no longer falls.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from preactivations.pairs.table import EDGE, Errors, Kind, Pieces, TabulatedActivation
from preactivations.weights import WeightLaw

Array = NDArray[np.float64]

_MAX_PIECES = 1 << 15
_FAR_BITS, _FAR_BITS_64 = 3, 6  # log2 of the pieces per octave beyond 12
_TOLERANCE, _TOLERANCE_64 = 1e-7, 2e-14
_WORST_64 = 1e-9
_END_64 = 27  # exponent
_LEAST = 1e-150  # below it phi'' of a steep phi overflows
_EXPONENTS = (-126, 128)  # of float32: 2^-126 is the smallest normal number, 2^128 would be infinity


class Source(Protocol):
    """What is tabulated: f, which is phi (odd) or log phi (positive), and the facts of a `TabulatedActivation`."""

    @property
    def weights(self) -> WeightLaw: ...
    @property
    def kind(self) -> Kind: ...

    route: str
    power: float
    growth: float
    slopes: tuple[float, float]
    kinks: tuple[float, ...]
    limit: float  # f at +inf

    def derivatives(self, x: Array) -> Array:
        """(f, f', f'') for |x| <= 12, shape (3, len(x))."""
        ...

    def steep(self, x: Array, width: Array) -> Array:
        """(f, width f', width^2 f'') for 0 < x <= 12, where f' and f'' may overflow."""
        ...

    def far(self, x: Array, *, left: bool) -> Array:
        """f(x) for x >= 8, or f(-x)."""
        ...

    def tail(self, x: Array, width: Array, *, left: bool) -> Array:
        """(f, width f', width^2 f'') as functions of |x| >= 12, of which the leading terms are enough."""
        ...


def tabulate(source: Source) -> TabulatedActivation:
    """The table of a source in both formats.

    Raises
    ------
    ValueError
        If 2^15 pieces are not enough for float32, or no table of float64 reaches 1e-9 (large b of a spherical pair).
    """
    float32, error32 = _octaves_32(source) if source.power < 1 else _uniform_32(source)
    table = TabulatedActivation(
        source.weights,
        source.kind,
        source.route,
        _octaves_64(source) if source.power < 1 else _uniform_64(source),
        float32,
        source.power,
        source.growth,
        source.slopes,
        source.kinks,
        Errors(math.nan, math.nan, math.nan),
        error32,
    )
    errors = _errors(table, source)
    if not errors.phi <= _WORST_64:
        raise ValueError(_refusal(source, _WORST_64, errors.phi))
    return replace(table, errors=errors)


def _refusal(source: Source, tolerance: float, reached: float) -> str:
    advice = (
        "use the exact pairs.GaussianPair, or smaller b"
        if source.route == "exact"
        else "it must be finite, and of the sign of x"
    )
    return (
        f"{source!r}: no table of at most {_MAX_PIECES} pieces reaches an error of {tolerance:.0e} "
        f"(reached {reached:.1e}); {advice}"
    )


def _errors(table: TabulatedActivation, source: Source) -> Errors:
    """At the middles of half of the pieces, and where phi' is off most in the others."""
    pieces, steep = table.float64, source.power < 1
    if steep:
        start, width = _octave_edges(pieces.lowest, EDGE, pieces.octave_bits)
    else:
        grid = _uniform_edges(source, pieces.per_unit)
        start, width = grid[:-1], np.diff(grid)
    x = start + width * np.where(np.arange(start.size) % 2, 0.276, 0.5)
    with np.errstate(over="ignore", invalid="ignore"):
        exact = source.steep(x, np.ones_like(x)) if steep else source.derivatives(x)
    if table.kind == "positive":
        f, slope, curvature = exact
        exact = np.exp(f) * np.stack([np.ones_like(f), slope, curvature + slope**2])
    found = np.stack([table.phi(x), table.dphi(x), table.d2phi(x)])
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.abs(found - exact) / np.maximum.accumulate(np.abs(exact), axis=0)
    return Errors(float(errors[0].max()), *(float(row[np.abs(x) > _LEAST].max()) for row in errors[1:]))


def _error(source: Source, exact: Array, pieces: Array, floor: float) -> float:
    """Largest error of phi at the middles of pieces, relative to phi, or to `floor` where that is larger (odd)."""
    found = np.asarray(np.polynomial.polynomial.polyval(0.5, pieces))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if source.kind == "odd":  # a negative phi is refused: its error is negative, or infinite
            errors = np.abs(found - exact) / np.maximum(exact, floor)
        else:
            errors = np.abs(np.expm1(found - exact))
    return float(np.max(errors))


def _uniform_edges(source: Source, per_unit: int) -> Array:
    start = 0.0 if source.kind == "odd" else -EDGE
    return start + np.arange(round((EDGE - start) * per_unit) + 1) / per_unit


def _uniform(source: Source, per_unit: int, degree: int, floor: float) -> tuple[Array, float]:
    """Uniform pieces, and their error at the middles."""
    grid = _uniform_edges(source, per_unit)
    f = source.derivatives(grid) / per_unit ** np.arange(3.0)[:, None]
    pieces = _hermite(f[:, :-1], f[:, 1:], degree)
    exact = source.derivatives(0.5 * (grid[1:] + grid[:-1]))[0]
    return pieces, _error(source, exact, pieces, floor)


def _octaves(source: Source, first: int, bits: int, degree: int, floor: float) -> tuple[Array, float]:
    """Octave pieces from 2^first to 12, and their error at the middles."""
    edges, width = _octave_edges(2.0**first, EDGE, bits)
    pieces = _hermite(source.steep(edges, width), source.steep(edges + width, width), degree)
    exact = source.steep(edges + 0.5 * width, width)[0]
    return pieces, _error(source, exact, pieces, floor)


def _octave_edges(low: float, high: float, bits: int) -> tuple[Array, Array]:
    """Left edges and widths of the octave pieces between two of their edges."""
    n = 1 << bits

    def number(x: float) -> int:
        mantissa, exponent = math.frexp(x)
        return (exponent - 1) * n + round((2 * mantissa - 1) * n)

    k = np.arange(number(low), number(high))
    return np.ldexp(1 + (k % n) / n, k // n), np.ldexp(1.0 / n, k // n)


# -- float64 ---------------------------------------------------------------------------------------


def _enough(error: float, before: float) -> bool:
    """By twice as many pieces the error of a quintic falls 64 times, until rounding errors are left."""
    return error <= _TOLERANCE_64 or before / 4 < error < _WORST_64


def _uniform_64(source: Source) -> Pieces:
    per_unit, error, before = 16, math.inf, math.inf
    while not _enough(error, before):
        per_unit, before = 2 * per_unit, error
        if 2 * EDGE * per_unit > _MAX_PIECES:
            raise ValueError(_refusal(source, _WORST_64, error))
        uniform, error = _uniform(source, per_unit, 5, 0.0)
    right, left = (_far_64(source, _FAR_BITS_64, left=side) for side in (False, True))
    return Pieces(uniform, right, left, per_unit, _FAR_BITS_64, EDGE, 2.0**_END_64)


def _octaves_64(source: Source) -> Pieces:
    """From where phi is a power of x to all digits: its next term is smaller by the power 2 `power` of x."""
    first, error, before = max(-1022, math.floor(-27 / source.power)), math.inf, math.inf
    for bits in range(2, 8):
        before = error
        body, error = _octaves(source, first, bits, 5, 0.0)
        if _enough(error, before):
            break
    right, none = np.hstack([body, _far_64(source, bits, left=False)]), np.empty((6, 0))
    return Pieces(none, right, none, 1, bits, 2.0**first, 2.0**_END_64)


def _far_64(source: Source, bits: int, *, left: bool) -> Array:
    """Octave pieces from 12 on to either side, of the spline through the values; none to the left of an odd function.

    The derivatives of an exact pair lose as many digits there as x^2 has.
    """
    from scipy.interpolate import make_interp_spline

    if left and source.kind == "odd":
        return np.empty((6, 0))
    # half an octave more to the left and one to the right, away from the conditions at the ends of the spline
    edges, width = _octave_edges(8.0, 2.0 ** (_END_64 + 1), bits)
    spline = make_interp_spline(edges, source.far(edges, left=left), k=5)
    inside = slice(1 << (bits - 1), len(edges) - (1 << bits))
    edges, width = edges[inside], width[inside]
    low, high = (
        np.stack([spline(x, order) * width**order for order in range(3)]) for x in (edges, edges + width)
    )
    return _hermite(low, high, 5)


# -- float32 ---------------------------------------------------------------------------------------


def _uniform_32(source: Source) -> tuple[Pieces, float]:
    per_unit = 32
    while not (uniform := _uniform(source, per_unit, 3, 1e-3))[1] <= _TOLERANCE:
        per_unit *= 2
        if 2 * EDGE * per_unit > _MAX_PIECES:
            raise ValueError(_refusal(source, _TOLERANCE, uniform[1]))
    pieces, error = uniform
    return Pieces(pieces, *_far_32(source, _FAR_BITS), per_unit, _FAR_BITS, EDGE, math.inf), error


def _octaves_32(source: Source) -> tuple[Pieces, float]:
    """Octave pieces from the smallest normal number to 12 and on to infinity; a chord below it, from 0."""
    error = math.inf
    for bits in range(4, 10):
        body, error = _octaves(source, _EXPONENTS[0], bits, 3, 1e-3)
        if error <= _TOLERANCE:
            n, smallest = 1 << bits, body[0, 0]
            subnormal = np.zeros((4, n))
            subnormal[0], subnormal[1] = smallest * np.arange(n) / n, smallest / n
            far, left = _far_32(source, bits)
            right = np.hstack([subnormal, body, far])
            return Pieces(np.empty((4, 0)), right, left, 1, bits, 0.0, math.inf), error
    raise ValueError(_refusal(source, _TOLERANCE, error))


def _far_32(source: Source, bits: int) -> tuple[Array, Array]:
    """The octave pieces (right, left): from 12 to 2^128, then infinity, then NaN to the octave's end."""
    n, exponent = 1 << bits, _EXPONENTS[1]
    edges, width = _octave_edges(EDGE, 2.0**exponent, bits)

    def side(left: bool, at_infinity: float) -> Array:
        low, high = (source.tail(x, width, left=left) for x in (edges, edges + width))
        end = np.full((4, n), np.nan)
        end[:, 0] = at_infinity, 0.0, 0.0, 0.0
        return np.hstack([_hermite(low, high, 3), end])

    right = side(False, source.limit)
    if source.kind == "positive":
        return right, side(True, -math.inf)
    # the slope at infinity, in pieces as wide as the last finite ones
    right[1, -n] = source.slopes[1] * math.ldexp(1.0, exponent - 1 - bits)
    return right, np.empty((4, 0))


def _hermite(left: Array, right: Array, degree: int) -> Array:
    """Coefficients (degree + 1, pieces) of t^k, from (f, h f', h^2 f'') at both ends of pieces of length h."""
    (v0, d0, e0), (v1, d1, e1) = left, right
    delta = v1 - v0
    if degree == 3:
        return np.stack([v0, d0, 3 * delta - 2 * d0 - d1, d0 + d1 - 2 * delta])
    e0, e1 = 0.5 * e0, 0.5 * e1
    return np.stack(
        [
            v0,
            d0,
            e0,
            10 * delta - 6 * d0 - 4 * d1 - 3 * e0 + e1,
            -15 * delta + 8 * d0 + 7 * d1 + 3 * e0 - 2 * e1,
            6 * delta - 3 * (d0 + d1) - e0 + e1,
        ]
    )
