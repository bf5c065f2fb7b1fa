"""Exact pairs (law of the weights, activation) that keep pre-activations normal at any width.

A pair is W ~ `weights` and phi with W phi(X) ~ N(0, 1) for X ~ N(0, 1) independent of W. phi couples the
quantiles of X with those of the factor Y of `factor`:

    odd       P(|Y| > phi(x)) = 2 P(N > x)   for x >= 0, phi(-x) = -phi(x)
    positive  P(|Y| > phi(x)) =   P(N > x)   for every x

(Wolinski & Arbel; computed exactly here instead of fitted.)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike

from preactivations.names import object_of
from preactivations.pairs._weibull import Array, Quantile
from preactivations.pairs.factor import GaussianFactor
from preactivations.pairs.table import Kind, check_kind
from preactivations.real import real_array
from preactivations.weights import SphericalMarginal, WeightLaw

if TYPE_CHECKING:
    from torch import nn

    from preactivations.pairs.table import TabulatedActivation

__all__ = ["GaussianPair"]

_TAIL = 30.0
_FAR = 1e4
_FARTHEST = 1e100  # from there on phi is a power of |x|, to rounding
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class GaussianPair:
    """The activation phi that goes with a law of weights, and its two derivatives.

    Parameters
    ----------
    weights : str, SymmetricWeibull or SphericalMarginal
        A law that has a factor, or its name ("weibull_4").
    kind : {"odd", "positive"}
        The two couplings of the head of this file. Odd: phi(-x) = -phi(x), like tanh. Positive: phi > 0 and
        increasing, like softplus.

    Attributes
    ----------
    factor : GaussianFactor
        The law of |phi(X)|.
    kind : str

    Raises
    ------
    ValueError, TypeError
        For an unknown kind, or weights that have no factor; TypeError also for x that is not real.

    Notes
    -----
    Relative error of `phi`: below 1e-12 for |x| <= 8 (measured: 8e-15). `dphi`: below 1e-9 (measured: 2e-14 for
    theta from 2.0001 to 2.05). `d2phi`: below 1e-9 of |x phi'| + |(log f)'(phi) phi'^2|, the terms that it is the
    difference of (measured: 5e-11 there). Spherical weights with large b: 1e-15 sqrt(b) more for the derivatives.
    See tests/library/pairs. Far out `phi` and phi' keep their accuracy (positive kind, far to the left: phi' loses
    x^2 rounding errors); phi'' loses x^2 rounding errors, and is the leading term beyond |x| = 1e4 (error 1e-7).

    Examples
    --------
    >>> from preactivations.weights import SymmetricWeibull
    >>> GaussianPair(SymmetricWeibull(2), kind="odd").phi([0.0, 1.0]).round(12).tolist()
    [0.0, 1.242151985136]
    """

    def __init__(self, weights: str | WeightLaw, kind: Kind = "odd") -> None:
        self.kind = check_kind(kind)
        self.factor = GaussianFactor(weights)

    @property
    def weights(self) -> WeightLaw:
        """The law of the weights."""
        return self.factor.weights

    @property
    def power(self) -> float:
        """phi(x) - phi(0) ~ |x|^power at 0: 1 / (1 + 2b) for odd spherical pairs, else 1."""
        if self.kind == "odd" and isinstance(self.weights, SphericalMarginal):
            return 1 / (1 + 2 * self.weights.b)
        return 1.0

    @property
    def kinks(self) -> tuple[float, ...]:
        """Points where phi or a derivative of low order jumps: 0 where phi' is infinite there."""
        return (0.0,) if self.power < 1 else ()

    @property
    def growth(self) -> float:
        """phi(x) ~ x^growth for x -> inf: 1 - 2/theta for Weibull weights, 1 for spherical ones."""
        return self.factor._law.growth

    @property
    def slope_at_infinity(self) -> float:
        """phi'(inf)."""
        return self.factor._law.slope_at_infinity

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GaussianPair) and (self.weights, self.kind) == (other.weights, other.kind)

    def __hash__(self) -> int:
        return hash((self.weights, self.kind))

    def __repr__(self) -> str:
        return f"GaussianPair({self.weights!r}, kind={self.kind!r})"

    def phi(self, x: ArrayLike) -> Array:
        """The activation, elementwise, in float64. phi(+-inf) are its limits; NaN gives NaN.

        Computed anew at every point, in some 50 microseconds each: `table` is for large arrays.

        Parameters
        ----------
        x : float or array
            Real numbers, any shape; likewise for `dphi` and `d2phi`.

        Returns
        -------
        array, float64, shape of `x`
        """
        x = real_array("x", x)
        return self._signed(self._quantile(x).y, x)[()]

    def dphi(self, x: ArrayLike) -> Array:
        """phi'(x) = c n(x) / f(|phi(x)|), n the normal density, c = 2 (odd) or 1 (positive).

        f is the density of `factor`. Infinite at x = 0 for the odd kind of spherical pairs with b > 0. `x`
        and result as for `phi`.
        """
        x = real_array("x", x)
        return self._dphi(x, self._quantile(x))[()]

    def d2phi(self, x: ArrayLike) -> Array:
        """phi''(x) = phi'(x) (-x - (log f)'(phi(x)) phi'(x)).

        For the odd kind f is continued to y < 0 as an even function. NaN at x = 0 for the odd kind of
        spherical pairs with b > 0, where phi' is infinite; 0 at +-inf. `x` and result as for `phi`.
        """
        return self.derivatives(x)[2]

    def derivatives(self, x: ArrayLike) -> Array:
        """(phi, phi', phi''), in one pass; shape (3, *shape of `x`). `x` and results as for the three methods."""
        x = real_array("x", x)
        quantile = self._quantile(x)
        slope = self._dphi(x, quantile)
        phi = self._signed(quantile.y, x)
        sign = np.copysign(1.0, x) if self.kind == "odd" else 1.0
        with np.errstate(invalid="ignore", over="ignore"):
            curvature = slope * (-x - sign * quantile.dlogpdf * slope)
        curvature = np.where(np.isposinf(slope), np.nan, curvature)
        with np.errstate(divide="ignore", invalid="ignore"):
            curvature = np.where(np.abs(x) > _FAR, (self.factor._law.growth - 1) * slope / x, curvature)
        return np.stack([phi, slope, np.where(np.isinf(x) | (slope == 0), 0.0, curvature)])

    def table(self) -> TabulatedActivation:
        """The tabulated activation: as accurate on |x| <= 12, and thousands of times faster; made once for equal pairs.

        Returns
        -------
        TabulatedActivation
            Its `errors` say how accurate it is: phi to 1e-13 relative where float64 allows it (theta next to 2 and
            odd spherical pairs with large b are less accurate); beyond 12 the growth is that of phi.

        Raises
        ------
        ValueError
            For an odd spherical pair with b so large (above about 37) that the table would be too large.
        """
        from preactivations.pairs._exact_table import exact_table

        return exact_table(self)

    def module(self) -> nn.Module:
        """A new `activations.GaussianActivation` of the pair: the table as a module of PyTorch."""
        cls = object_of("preactivations.activations.gaussian:GaussianActivation")
        made: nn.Module = cls(self.weights, self.kind)
        return made

    def _signed(self, y: Array, x: Array) -> Array:
        return np.copysign(y, x) if self.kind == "odd" else y

    def _quantile(self, x: Array) -> Quantile:
        """|phi(x)| with log f and (log f)' there, where |x| is not beyond 1e100."""
        found = self._quantile_near(np.clip(x, -_FARTHEST, _FARTHEST))
        beyond = (np.abs(x) if self.kind == "odd" else x) > _FARTHEST
        return found._replace(y=found.y * np.where(beyond, np.abs(x) / _FARTHEST, 1.0) ** self.growth)

    def _quantile_near(self, x: Array) -> Quantile:
        if self.kind == "odd":
            a = np.abs(x)
            lower, log_upper = sc.erf(a / math.sqrt(2)), math.log(2) + sc.log_ndtr(-a)
            with np.errstate(divide="ignore"):
                # rounding of log 2 + log(1/2) at 0
                return self.factor._quantile(lower, np.log(lower), np.minimum(log_upper, 0.0))
        return self.factor._quantile(sc.ndtr(x), sc.log_ndtr(x), sc.log_ndtr(-x))

    def _dphi(self, x: Array, quantile: Quantile) -> Array:
        log_c = math.log(2) if self.kind == "odd" else 0.0
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            slope = np.exp(log_c - 0.5 * x * x - _LOG_SQRT_2PI - quantile.logpdf)
            # further out the rounding of x^2 / 2 would show: the hazard of a normal variable over that of |Y|
            upper = np.abs(x) if self.kind == "odd" else x
            hazard = math.sqrt(2 / math.pi) / sc.erfcx(np.maximum(upper, 0.0) / math.sqrt(2))
            slope = np.where(upper > _TAIL, hazard * np.exp(-quantile.log_hazard), slope)
            slope = np.where(upper > _FARTHEST, self.factor._law.growth * quantile.y / upper, slope)
        limit = self.factor._law.slope_at_infinity
        slope = np.where(np.isinf(x), limit, slope)
        # phi underflows before x is -inf
        return np.where(quantile.y == 0, 0.0, slope) if self.kind == "positive" else slope
