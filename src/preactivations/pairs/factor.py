"""The law of the factor Y with W Y ~ N(0, 1), for a symmetric law of weights W independent of Y.

Which method is used where, and why, is said at the head of the two files behind this one:

====================  ==============================  ========================================
weights               |Y|                             method
====================  ==============================  ========================================
SymmetricWeibull      sqrt(2) |cos U| S^(-1/theta)    `_weibull`: series, contour integral;
                                                      closed forms at theta = 2 and for theta > 1e15
SphericalMarginal     chi with 1 + 2b degrees         `_spherical`: incomplete gamma function
Normal                1 (an atom)                     refused: only |phi| = 1 goes with it
====================  ==============================  ========================================

Theorem (derived for this project from two classical identities). Let theta >= 2, nu = 2/theta, S positive
nu-stable with E exp(-t S) = exp(-t^nu), U uniform on (0, 2 pi), E standard exponential, all independent.
Then (E/S)^nu has the law of E (Shanbhag & Sreehari, Z. Wahrsch. 38, 1977), and sqrt(2 E) cos U is standard
normal (Box & Muller, 1958). Since |W| has the law of E^(1/theta), |W| sqrt(2) |cos U| S^(-1/theta) has the law
of |sqrt(2 E) cos U|.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from preactivations.pairs._arcsine import ArcsineFactor
from preactivations.pairs._spherical import SphericalFactor
from preactivations.pairs._weibull import Array, Map, Quantile, WeibullFactor
from preactivations.real import real_array
from preactivations.weights import Normal, Size, SphericalMarginal, SymmetricWeibull, WeightLaw, as_law

__all__ = ["GaussianFactor"]


class _Law(Protocol):
    upper_end: float
    slope_at_infinity: float
    growth: float

    def cdf(self, y: Array) -> Array: ...
    def pdf(self, y: Array) -> Array: ...
    def logsf(self, y: Array) -> Array: ...
    def dlogpdf(self, y: Array) -> Array: ...
    def quantile(self, lower: Array, log_lower: Array, log_upper: Array) -> Quantile: ...
    def moment(self, s: float) -> float: ...
    def sample(self, size: Size, rng: np.random.Generator) -> Array: ...


def _law_of(weights: WeightLaw) -> _Law:
    match weights:
        case SymmetricWeibull(theta=2.0):
            return ArcsineFactor()
        case SymmetricWeibull(theta=theta) if theta > 1e15:
            return SphericalFactor(0.0)  # |W| is 1, |Y| that of a normal variable, to 1e-15
        case SymmetricWeibull(theta=theta):
            return WeibullFactor(theta)
        case SphericalMarginal(b=b) if b > 1e14:
            raise ValueError(
                f"b must be at most 1e14 for a factor, got {b:g}: |Y| is then within a few units of sqrt(2b), where "
                "floats are too far apart"
            )
        case SphericalMarginal(b=b):
            return SphericalFactor(b)
        case Normal():
            raise ValueError(
                "for normal weights the factor is the constant |Y| = 1/std: it has no density, and only "
                "activations with |phi| = 1/std keep pre-activations normal"
            )
    raise TypeError(
        f"no exact factor is known for {weights!r}; accepted: SymmetricWeibull(theta), SphericalMarginal(b)"
    )


class GaussianFactor:
    """Law of |Y| such that W Y ~ N(0, 1) for W of law `weights` and an independent symmetric Y.

    All functions are elementwise on float64 arrays of any shape (scalars give 0-d results as NumPy
    scalars do), need no random numbers except `sample`, and give NaN for NaN.

    Parameters
    ----------
    weights : SymmetricWeibull or SphericalMarginal
        Kept as the attribute `weights`.

    Raises
    ------
    ValueError
        For `Normal` weights, whose factor is a constant, and spherical ones with b > 1e14, for which it almost is.
    TypeError
        For a law without a known factor.

    Notes
    -----
    Relative error of `pdf`, `cdf`, `sf`, `isf`, `ppf`: 1e-12, or eight rounding errors times the condition
    number where that is larger (theta next to 2: the tail is almost a step at sqrt(2); spherical weights with large
    b: all is within 1/sqrt(2) of sqrt(2b), so that rounding of y costs `pdf` 1e-16 sqrt(b)).
    Source: derived here; see the head of this file.

    Examples
    --------
    >>> factor = GaussianFactor(SymmetricWeibull(2))   # the arcsine law
    >>> round(float(factor.cdf(1.0)), 12)
    0.5
    """

    def __init__(self, weights: str | WeightLaw) -> None:
        self.weights = as_law(weights)
        self._law = _law_of(self.weights)

    def __repr__(self) -> str:
        return f"GaussianFactor({self.weights!r})"

    def pdf(self, y: ArrayLike) -> Array:
        """Density of |Y| at y, float or array, any real number; 0 for y < 0 and beyond the support."""
        return self._on_support(self._law.pdf, y, below=0.0, above=0.0)

    def cdf(self, y: ArrayLike) -> Array:
        """P(|Y| <= y), y float or array, any real number; 0 for y < 0."""
        return self._on_support(self._law.cdf, y, below=0.0, above=1.0)

    def sf(self, y: ArrayLike) -> Array:
        """P(|Y| > y), y float or array, any real number; 1 for y < 0."""
        return self._on_support(lambda v: np.exp(self._law.logsf(v)), y, below=1.0, above=0.0)

    def logsf(self, y: ArrayLike) -> Array:
        """log P(|Y| > y), y float or array, accurate also where `sf` underflows; -inf past the support."""
        return self._on_support(self._law.logsf, y, below=0.0, above=-np.inf)

    def dlogpdf(self, y: ArrayLike) -> Array:
        """Derivative of the log density at y, float or array, inside the support (NaN outside)."""
        return self._on_support(self._law.dlogpdf, y, below=np.nan, above=np.nan)

    def ppf(self, p: ArrayLike) -> Array:
        """Quantile function: P(|Y| <= ppf(p)) = p, p float or array in [0, 1] (NaN outside)."""
        p = real_array("p", p)
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._quantile(p, np.log(p), np.log1p(-p)).y[()]

    def isf(self, p: ArrayLike) -> Array:
        """Inverse survival function: P(|Y| > isf(p)) = p, p float or array in [0, 1] (NaN outside)."""
        p = real_array("p", p)
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._quantile(1 - p, np.log1p(-p), np.log(p)).y[()]

    def moment(self, s: float) -> float:
        """E |Y|^s = E |N|^s / E |W|^s, for s > -1 (s > -1 - 2b for spherical weights).

        Parameters
        ----------
        s : float
            One order; no array.

        Raises
        ------
        ValueError
            For an order whose moment is infinite.
        """
        lowest = -2 * self._law.a if isinstance(self._law, SphericalFactor) else -1.0
        if not s > lowest:
            raise ValueError(f"E|Y|^s is finite only for s > {lowest:g}, got s = {s!r}")
        return self._law.moment(s)

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        """Independent exact draws of |Y| (of the magnitude: the sign of Y is independent of it).

        Weibull weights: Kanter's formula for the stable variable; spherical: a gamma variable.

        Parameters
        ----------
        size : int, tuple of int or None
        rng : numpy.random.Generator

        Returns
        -------
        array, float64, shape `size`
            One number for None.
        """
        return self._law.sample(size, rng)

    # -- shared plumbing ---------------------------------------------------------------------------
    def _on_support(self, function: Map, y: ArrayLike, below: float, above: float) -> Array:
        y = real_array("y", y)
        flat = y.ravel()
        out = np.where(np.isnan(flat), np.nan, np.where(flat < 0, below, above))
        inside = (flat >= 0) & (flat <= self._law.upper_end) & (flat < math.inf)
        out[inside] = function(flat[inside])
        return out.reshape(y.shape)[()]

    def _quantile(self, lower: Array, log_lower: Array, log_upper: Array) -> Quantile:
        """Vectorized over any shape; probabilities outside [0, 1] give NaN."""
        shape = lower.shape
        lower, log_lower, log_upper = lower.ravel(), log_lower.ravel(), log_upper.ravel()
        out = Quantile(*(np.full_like(lower, np.nan) for _ in range(4)))
        ok = (lower >= 0) & (lower <= 1) & (log_upper <= 0)
        for full, piece in zip(out, self._law.quantile(lower[ok], log_lower[ok], log_upper[ok]), strict=True):
            full[ok] = piece
        return Quantile(*(part.reshape(shape) for part in out))
