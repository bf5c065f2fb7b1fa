"""Activations of a pair as tables of piecewise polynomials: from arrays, whatever they were computed by.

A table covers |x| < 12 by uniform pieces, and what is beyond by fractions of octaves: a power-of-two share of
[2^k, 2^(k+1)), in which x lies by the leading bits of its floating-point representation. Where phi is infinitely
steep at 0, octaves cover all of it, for phi ~ |x|^p is no smoother in x there, but as smooth in one octave as in the
next. Outside of the octaves phi is a power of |x|.

==========  ==================================================================
kind        tabulated
==========  ==================================================================
odd         phi on x >= 0; phi(-x) = -phi(x)
positive    log phi on both sides, so that phi keeps its relative accuracy
==========  ==================================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from preactivations.names import object_of
from preactivations.real import real_array
from preactivations.weights import WeightLaw

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EDGE", "KINDS", "Errors", "Kind", "Pieces", "TabulatedActivation", "check_kind"]

Array = NDArray[np.float64]
Kind = Literal["odd", "positive"]
KINDS: tuple[Kind, ...] = get_args(Kind)

EDGE = 12.0  # of the uniform pieces
_CHUNK = 8192  # numbers at once: all that is needed of them stays in the second-level cache


def check_kind(kind: object) -> Kind:
    """`kind` if it is "odd" or "positive"; TypeError or ValueError otherwise."""
    if not isinstance(kind, str):
        raise TypeError(f"kind must be a string, got {kind!r} of type {type(kind).__name__}")
    if kind not in KINDS:
        raise ValueError(f"kind must be 'odd' or 'positive', got {kind!r}")
    return cast(Kind, kind)


class Pieces(NamedTuple):
    """Coefficients of t^k, t in [0, 1], of all pieces, for one floating-point format.

    Attributes
    ----------
    uniform : array, shape (degree + 1, pieces)
        |x| < 12, from x = 0 (odd) or -12 (positive); none if octaves cover that too.
    right, left : array, shape (degree + 1, pieces)
        Octave pieces for either sign of x; no `left` for the odd kind.
    per_unit : int
        Uniform pieces per unit of x.
    octave_bits : int
        2^octave_bits octave pieces per octave.
    lowest, end : float
        |x| at which the octave pieces begin and end; `end` is infinite where they run to the largest number of the
        format, and end with pieces for infinity and NaN.
    """

    uniform: Array
    right: Array
    left: Array
    per_unit: int
    octave_bits: int
    lowest: float
    end: float


class Errors(NamedTuple):
    """Largest errors of a table on |x| <= 12, measured at one point of each piece (next to it up to three times more).

    That of phi is relative, that of phi' in units of max(|phi|, |phi'|), that of phi'' in units of the largest of the
    three; where phi' is infinite at 0, those of derivatives for |x| > 1e-150.
    """

    phi: float
    dphi: float
    d2phi: float


@dataclass(frozen=True, eq=False)
class TabulatedActivation:
    """The activation of a pair in float64 by a table: phi, phi', phi'', and a PyTorch module of the same table.

    Made by `GaussianPair.table` or from saved arrays. phi(-x) = -phi(x) holds exactly for the odd kind. Tables are
    equal only if they are the same object.

    Parameters
    ----------
    weights : WeightLaw
        The law of the weights that go with it.
    kind : {"odd", "positive"}
    route : str
        How it was computed: "exact", or "fitted" as by Wolinski & Arbel.
    float64, float32 : Pieces
        The table of this class, and the one of float32 tensors.
    power : float
        phi(x) - phi(0) ~ |x|^power at 0.
    growth : float
        |phi(x)| grows as |x|^growth beyond the pieces, from 1.3e8 on.
    slopes : (float, float)
        phi' at -inf and +inf.
    kinks : tuple of float
        Points where phi or one of its first two derivatives jumps.
    errors : Errors
        Of the float64 table, against what it was made of.
    error32 : float
        Of the float32 table without rounding: max |error| / max(phi, 1e-3) (odd) or relative (positive).

    Examples
    --------
    >>> from preactivations.pairs.gaussian import GaussianPair
    >>> table = GaussianPair("weibull_2", "odd").table()
    >>> table.phi([0.0, 1.0]).round(12).tolist()
    [0.0, 1.242151985136]
    """

    weights: WeightLaw
    kind: Kind
    route: str
    float64: Pieces
    float32: Pieces
    power: float
    growth: float
    slopes: tuple[float, float]
    kinks: tuple[float, ...]
    errors: Errors
    error32: float

    def __repr__(self) -> str:
        return f"TabulatedActivation({self.weights!r}, kind={self.kind!r}, route={self.route!r})"

    def phi(self, x: ArrayLike) -> Array:
        """The activation, elementwise, in float64. phi(+-inf) are its limits; NaN gives NaN.

        0 where the positive kind underflows, left of -37 (its module holds the smallest positive number there).

        Parameters
        ----------
        x : float or array
            Real numbers, any shape; likewise for the derivatives.

        Returns
        -------
        array, float64, shape of `x`

        Raises
        ------
        TypeError
            For numbers that are not real.
        """
        return self._evaluate(x, 0)[0]

    def dphi(self, x: ArrayLike) -> Array:
        """phi'(x), elementwise; infinite at 0 where `power` is below 1. `x` and result as for `phi`."""
        return self._evaluate(x, 1)[1]

    def d2phi(self, x: ArrayLike) -> Array:
        """phi''(x), elementwise; NaN at 0 where `power` is below 1. `x` and result as for `phi`."""
        return self._evaluate(x, 2)[2]

    def value_and_slope(self, x: ArrayLike) -> tuple[Array, Array]:
        """(phi(x), phi'(x)) in one pass. `x` and results as for `phi`."""
        phi, dphi = self._evaluate(x, 1)
        return phi, dphi

    def module(self) -> nn.Module:
        """A new PyTorch module of the same table, for any floating dtype (`activations.modules.TabulatedModule`)."""
        made: nn.Module = object_of("preactivations.activations.modules:TabulatedModule")(self)
        return made

    @cached_property
    def _far_rows(self) -> tuple[Array, Array]:
        """Coefficients of the octave pieces, (pieces, degree + 1): a piece is read at once."""
        return tuple(np.ascontiguousarray(part.T) for part in (self.float64.right, self.float64.left))  # type: ignore[return-value]

    def _evaluate(self, x: ArrayLike, order: int) -> list[Array]:
        """[phi, phi', phi''][: order + 1]."""
        array = real_array("x", x)
        flat = array.ravel()
        out = np.empty((order + 1, flat.size))
        uniform = self.float64.uniform.size > 0
        for start in range(0, flat.size, _CHUNK):
            part, into = flat[start : start + _CHUNK], out[:, start : start + _CHUNK]
            # NaN makes the comparisons false
            if uniform and part.max() < EDGE and part.min() > -EDGE:
                self._near(part, into)
                continue
            near = (np.abs(part) < EDGE) & uniform
            if near.any():
                inside = np.empty((order + 1, int(near.sum())))
                self._near(part[near], inside)
                into[:, near] = inside
            into[:, ~near] = self._far(part[~near], order)
        return [row.reshape(array.shape)[()] for row in out]

    def _near(self, x: Array, out: Array) -> None:
        """The uniform pieces, into `out`, (order + 1, n), by Horner's scheme for polynomial and derivatives."""
        pieces, odd = self.float64, self.kind == "odd"
        u = np.abs(x) * pieces.per_unit if odd else x * pieces.per_unit
        piece, whole, c = np.empty(x.shape, np.intp), np.floor(u), np.empty_like(u)
        np.copyto(piece, whole, casting="unsafe")
        u -= whole
        if not odd:
            piece += round(EDGE * pieces.per_unit)
        table = pieces.uniform
        # every index is inside; "clip" only saves the check
        table[-1].take(piece, out=out[0], mode="clip")
        for k in range(len(table) - 2, -1, -1):
            done = len(table) - 1 - k  # derivatives of higher order are 0 so far
            for order in range(min(len(out) - 1, done), 0, -1):
                if order == done:
                    out[order] = out[order - 1]
                else:
                    out[order] *= u
                    out[order] += out[order - 1]
            out[0] *= u
            table[k].take(piece, out=c, mode="clip")
            out[0] += c
        for order in range(1, len(out)):
            out[order] *= math.factorial(order) * float(pieces.per_unit) ** order
        if odd:
            np.copysign(out[0], x, out=out[0])
            if len(out) > 2:
                out[2] *= np.sign(x)
        else:
            _exponential(out)

    def _far(self, x: Array, order: int) -> Array:
        """Octave pieces, and powers of |x| outside them; shape (order + 1, n)."""
        pieces, odd = self.float64, self.kind == "odd"
        a = np.abs(x)
        inside = np.clip(a, pieces.lowest, np.nextafter(pieces.end, 0))
        shift = 52 - pieces.octave_bits
        bits = np.where(np.isnan(inside), pieces.lowest, inside).view(np.int64)
        piece = (bits >> shift) - (int(np.float64(pieces.lowest).view(np.int64)) >> shift)
        t = (bits & ((1 << shift) - 1)) * 2.0**-shift
        octave = (bits & -(1 << 52)).view(np.float64)
        right, left = self._far_rows
        rows = right[piece] if odd else np.where((x > 0)[:, None], right[piece], left[piece])
        out = np.zeros((order + 1, x.size))
        for column in rows.T[::-1]:
            for k in range(order, 0, -1):
                out[k] = out[k] * t + out[k - 1]
            out[0] = out[0] * t + column
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            for k in range(1, order + 1):
                for _ in range(k):  # a power of the pieces per unit may overflow
                    out[k] = np.ldexp(out[k], pieces.octave_bits) / octave
                out[k] *= math.factorial(k)
            if not odd:
                out[1::2] *= np.sign(x)
                _exponential(out)
            beyond = a > pieces.end
            ratio = np.where((inside != a) & (odd | (x > 0)), a / inside, 1.0)
            exponent = np.where(beyond, self.growth, self.power)
            for k in range(order + 1):
                out[k] *= ratio ** (exponent - k)
        if odd:
            out[::2] *= np.where(x < 0, -1.0, 1.0)
            out[2:, x == 0] = math.nan if self.power < 1 else 0.0
        out[:, np.isnan(x)] = math.nan
        infinite = np.isinf(x)
        if order >= 1 and infinite.any():
            out[1, infinite] = np.where(x[infinite] > 0, self.slopes[1], self.slopes[0])
            out[2:, infinite] = 0.0
        return out


def _exponential(out: Array) -> None:
    """From log phi and its derivatives, in place, to phi and its own; all 0 where phi underflows."""
    if len(out) > 2:
        out[2] += out[1] ** 2
    np.exp(out[0], out=out[0])
    out[1:] *= out[0]
    if len(out) > 1:
        out[1:, out[0] == 0] = 0.0
