"""Symmetric weight laws.

Every law here is symmetric, so it is described by its magnitude |W| and an independent sign. None is
variance-normalized: ``law.variance`` is part of the mathematics (the theorem of `pairs.factor` fixes the
scale of W), and a layer divides by sqrt(fan_in) only.

==================  ==========================================  =====================================
law                 P(|W| > w)                                  E|W|^s
==================  ==========================================  =====================================
SymmetricWeibull    exp(-w^theta)                               Gamma(1 + s/theta)
SphericalMarginal   P(Beta(1/2, b) > w^2)                       B((1+s)/2, b) / B(1/2, b)
Normal              erfc(w / (std sqrt 2))                      std^s 2^(s/2) Gamma((1+s)/2)/sqrt(pi)
==================  ==========================================  =====================================

A function that takes a law of weights takes the law or its name (`as_law`). Three of the laws exist in `rows` as
well, as laws of the rows of a matrix, scaled to unit variance:

==================  ==================================  ==============================================
law                 name here                           name in `rows`
==================  ==================================  ==============================================
uniform             spherical_1: (-1, 1), E W^2 = 1/3   iid_uniform: (-sqrt 3, sqrt 3), E W^2 = 1
random sign         spherical_0: +-1                    iid_rademacher: +-1
normal              normal: N(0, 1)                     gaussian: N(0, 1)
==================  ==================================  ==============================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations import streams
from preactivations.names import parameter
from preactivations.real import real_array, real_number

__all__ = ["Normal", "SphericalMarginal", "SymmetricWeibull", "WeightLaw", "as_law"]

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Size = int | tuple[int, ...] | None


@runtime_checkable
class WeightLaw(Protocol):
    """What the rest of the library asks of a symmetric law of weights.

    `w` is a float or an array of any shape, whose shape the result has.
    """

    @property
    def variance(self) -> float:
        """E W^2."""
        ...

    @property
    def tail_exponent(self) -> float:
        """-log P(|W| > w) grows as the power `tail_exponent` of w; inf for a bounded law."""
        ...

    def moment(self, s: float) -> float:
        """E |W|^s, s a float; ValueError where it is infinite, TypeError for s that is no real number."""
        ...

    def survival(self, w: ArrayLike) -> Array:
        """P(|W| > w), elementwise; 1 for w <= 0."""
        ...

    def small_ball(self, w: ArrayLike) -> Array:
        """P(|W| <= w), elementwise, with its own relative accuracy for small w; 0 for w < 0."""
        ...

    def density(self, w: ArrayLike) -> Array:
        """Density of W (both signs), elementwise."""
        ...

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        """Independent draws of W, float64, of shape `size` (None: one number), from `rng`."""
        ...

    def sample32(self, size: int, rng: np.random.Generator, out: Array32 | None = None) -> Array32:
        """Independent draws of W, float32, of shape (size,): for simulation, several times faster.

        They are written to `out` (contiguous, that shape) if it is given. `rng` as for the functions of
        `streams`.
        """
        ...


def _signed(magnitude: Array, rng: np.random.Generator) -> Array:
    sign = rng.integers(0, 2, size=np.shape(magnitude), dtype=np.int8)
    return np.where(sign == 1, magnitude, -magnitude)


def _moment_order(s: float, lowest: float, law: object) -> float:
    s = real_number("s", s)
    if not s > lowest:
        raise ValueError(f"E|W|^s of {law!r} is finite only for s > {lowest:g}, got s = {s:g}")
    return s


@dataclass(frozen=True)
class SymmetricWeibull:
    """Symmetric Weibull law, P(|W| > w) = exp(-w^theta), with an independent random sign.

    Parameters
    ----------
    theta : float
        Shape, finite and at least 2. For theta < 2 the tail of W alone is heavier than a Gaussian
        one, so that no independent Y makes W Y normal (Wolinski & Arbel). The limit
        theta -> inf is W = +-1: `SphericalMarginal(0)`.

    Raises
    ------
    ValueError, TypeError
        If theta is not a finite real number >= 2.

    Examples
    --------
    >>> round(SymmetricWeibull(4).variance, 6)
    0.886227
    """

    theta: float

    def __post_init__(self) -> None:
        theta = real_number("theta", self.theta)
        if math.isinf(theta) and theta > 0:
            raise ValueError(
                "theta must be finite, got inf; its limit, weights +-1 with the identity, is "
                "SphericalMarginal(0)"
            )
        if not theta >= 2:  # also catches NaN
            raise ValueError(
                f"theta must be at least 2, got {theta:g}: below 2 the tail exp(-w^theta) is heavier "
                "than a Gaussian one and no independent factor Y makes W*Y normal"
            )
        object.__setattr__(self, "theta", theta)

    @property
    def variance(self) -> float:
        """E W^2 = Gamma(1 + 2/theta)."""
        return self.moment(2)

    @property
    def tail_exponent(self) -> float:
        """theta: -log P(|W| > w) = w^theta."""
        return self.theta

    def moment(self, s: float) -> float:
        """E |W|^s = Gamma(1 + s/theta), s > -theta; ValueError else."""
        return float(sc.gamma(1 + _moment_order(s, -self.theta, self) / self.theta))

    def survival(self, w: ArrayLike) -> Array:
        """P(|W| > w) = exp(-w^theta), elementwise; 1 for w <= 0."""
        w = np.maximum(real_array("w", w), 0.0)
        with np.errstate(over="ignore"):
            return np.exp(-(w**self.theta))

    def small_ball(self, w: ArrayLike) -> Array:
        """P(|W| <= w) = 1 - exp(-w^theta), elementwise; 0 for w <= 0."""
        w = np.maximum(real_array("w", w), 0.0)
        with np.errstate(over="ignore"):
            return -np.expm1(-(w**self.theta))

    def density(self, w: ArrayLike) -> Array:
        """Density of W, (theta/2) |w|^(theta - 1) exp(-|w|^theta), elementwise."""
        a = np.abs(real_array("w", w))
        with np.errstate(over="ignore", invalid="ignore"):
            density = 0.5 * self.theta * a ** (self.theta - 1) * np.exp(-(a**self.theta))
        return np.where(np.isinf(a), 0.0, np.where(np.isnan(density) & ~np.isnan(a), 0.0, density))

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        """Independent draws, float64, shape `size`: E^(1/theta) for a standard exponential E, random sign."""
        return _signed(rng.standard_exponential(size) ** (1 / self.theta), rng)

    def sample32(self, size: int, rng: np.random.Generator, out: Array32 | None = None) -> Array32:
        """Independent draws, float32, shape (size,), to `out` if given: `streams.symmetric_weibull`."""
        return streams.symmetric_weibull(self.theta, size, rng, out)


@dataclass(frozen=True)
class SphericalMarginal:
    """|W|^2 ~ Beta(1/2, b): a coordinate of a uniform point on the unit sphere of R^(1+2b).

    b = 1 is the uniform law on (-1, 1), of variance 1/3 (`rows.IidUniform` has variance 1), b = 1/2 the arcsine
    law, b = 0 the law of a random sign; W sqrt(1 + 2b) tends to a standard normal as b -> inf. E W^2 = 1 / (1 + 2b).

    Parameters
    ----------
    b : float
        Finite and non-negative.

    Raises
    ------
    ValueError, TypeError
        If b is not a finite real number >= 0.

    Examples
    --------
    >>> SphericalMarginal(1).survival([0.25, 0.5]).round(12).tolist()
    [0.75, 0.5]
    """

    b: float

    def __post_init__(self) -> None:
        b = real_number("b", self.b)
        if not (b >= 0 and math.isfinite(b)):
            raise ValueError(
                f"b must be finite and >= 0 (|W|^2 ~ Beta(1/2, b)), got {b:g}; for the Gaussian limit "
                "use Normal"
            )
        object.__setattr__(self, "b", b)

    @property
    def variance(self) -> float:
        """E W^2 = 1 / (1 + 2b)."""
        return 1 / (1 + 2 * self.b)

    @property
    def tail_exponent(self) -> float:
        """inf: the law is bounded."""
        return math.inf

    def moment(self, s: float) -> float:
        """E |W|^s = B((1 + s)/2, b) / B(1/2, b), s > -1; ValueError else. 1 for b = 0."""
        if self.b == 0:  # signs
            real_number("s", s)
            return 1.0
        s, b = _moment_order(s, -1.0, self), self.b
        return float(sc.poch(0.5 + b, s / 2) ** -1 * sc.poch(0.5, s / 2))

    def survival(self, w: ArrayLike) -> Array:
        """P(|W| > w), elementwise: 1 for w <= 0 and 0 for w >= 1."""
        w = np.clip(real_array("w", w), 0.0, 1.0)
        if self.b == 0:
            return np.where(w < 1, 1.0, np.where(np.isnan(w), np.nan, 0.0))
        # I_{1-w^2}(b, 1/2), with 1 - w^2 factored: no cancellation next to w = 1.
        return np.asarray(sc.betainc(self.b, 0.5, (1 - w) * (1 + w)))

    def small_ball(self, w: ArrayLike) -> Array:
        """P(|W| <= w), elementwise: 0 for w <= 0 and 1 for w >= 1."""
        w = np.clip(real_array("w", w), 0.0, 1.0)
        if self.b == 0:
            return 1 - self.survival(w)
        return np.asarray(sc.betainc(0.5, self.b, w * w))

    def density(self, w: ArrayLike) -> Array:
        """Density of W; not defined for b = 0, whose law is two atoms (ValueError).

        (1 - w^2)^(b - 1) / B(1/2, b) for |w| < 1 and 0 else, elementwise.
        """
        if self.b == 0:
            raise ValueError("SphericalMarginal(0) is the law of a random sign: it has no density")
        a = np.abs(real_array("w", w))
        inside = np.where(a < 1, (1 - a) * (1 + a), 0.0)
        with np.errstate(divide="ignore"):
            density = inside ** (self.b - 1) / sc.beta(0.5, self.b)
        return np.where(np.isnan(a), np.nan, np.where(a < 1, density, 0.0))

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        """Independent draws, float64, shape `size`."""
        if self.b == 0:
            return _signed(np.ones(() if size is None else size), rng)
        if self.b == 1:
            return rng.uniform(-1.0, 1.0, size)
        return _signed(np.sqrt(rng.beta(0.5, self.b, size)), rng)

    def sample32(self, size: int, rng: np.random.Generator, out: Array32 | None = None) -> Array32:
        """Independent draws, float32, shape (size,), to `out` if given; `streams.uniform` for b = 1."""
        if self.b == 1:
            return streams.uniform(size, rng, out)
        if out is None:
            out = np.empty(size, np.float32)
        for part in np.array_split(out, 1 + size // 2**14):  # little memory for the double precision between
            part[:] = self.sample(part.size, rng)
        return out


@dataclass(frozen=True)
class Normal:
    """Centred normal law with standard deviation `std` > 0.

    Parameters
    ----------
    std : float
        Finite and positive.

    Raises
    ------
    ValueError, TypeError
        If std is not a finite real number > 0.
    """

    std: float = 1.0

    def __post_init__(self) -> None:
        std = real_number("std", self.std)
        if not (std > 0 and math.isfinite(std)):
            raise ValueError(f"std must be finite and > 0, got {std:g}")
        object.__setattr__(self, "std", std)

    @property
    def variance(self) -> float:
        """E W^2 = std^2."""
        return self.std**2

    @property
    def tail_exponent(self) -> float:
        """2, whatever std is."""
        return 2.0

    def moment(self, s: float) -> float:
        """E |W|^s = std^s 2^(s/2) Gamma((1 + s)/2) / sqrt(pi), s > -1; ValueError else."""
        s = _moment_order(s, -1.0, self)
        return float((self.std * math.sqrt(2)) ** s * sc.poch(0.5, s / 2))

    def survival(self, w: ArrayLike) -> Array:
        """P(|W| > w) = erfc(w / (std sqrt 2)), elementwise; 1 for w <= 0."""
        w = np.maximum(real_array("w", w), 0.0)
        return np.asarray(sc.erfc(w / (self.std * math.sqrt(2))))

    def small_ball(self, w: ArrayLike) -> Array:
        """P(|W| <= w) = erf(w / (std sqrt 2)), elementwise; 0 for w <= 0."""
        w = np.maximum(real_array("w", w), 0.0)
        return np.asarray(sc.erf(w / (self.std * math.sqrt(2))))

    def density(self, w: ArrayLike) -> Array:
        """Density of N(0, std^2), elementwise."""
        w = real_array("w", w) / self.std
        return np.exp(-0.5 * w * w) / (math.sqrt(2 * math.pi) * self.std)

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        """Independent draws, float64, shape `size`."""
        return self.std * rng.standard_normal(size)

    def sample32(self, size: int, rng: np.random.Generator, out: Array32 | None = None) -> Array32:
        """Independent draws, float32, shape (size,), to `out` if given: `streams.normal`."""
        out = streams.normal(size, rng, out)
        if self.std != 1:
            out *= np.float32(self.std)
        return out


def as_law(weights: str | WeightLaw) -> WeightLaw:
    """The law itself, or that of a name: how every function reads an argument `weights`.

    Parameters
    ----------
    weights : str or WeightLaw
        weibull_<theta>, spherical_<b> (parameters in decimals), normal, or a law.

    Returns
    -------
    WeightLaw

    Raises
    ------
    ValueError
        For an unknown name or a parameter out of range.
    TypeError
        For what is neither a name nor a law.

    Examples
    --------
    >>> as_law("weibull_2.05")
    SymmetricWeibull(theta=2.05)
    """
    if isinstance(weights, WeightLaw):
        return weights
    if not isinstance(weights, str):
        raise TypeError(f"weights must be a law of `weights` or its name, got {weights!r}")
    if weights == "normal":
        return Normal()
    if (theta := parameter(weights, "weibull")) is not None:
        return SymmetricWeibull(theta)
    if (b := parameter(weights, "spherical")) is not None:
        return SphericalMarginal(b)
    raise ValueError(
        f"unknown law of weights {weights!r}; accepted: weibull_<theta>, spherical_<b> (spherical_1 is uniform on "
        "(-1, 1)), normal"
    )
