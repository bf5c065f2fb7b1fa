r"""Laws of a row of m weights, those of one neuron: rotation-invariant ones, and rows of independent weights.

All are scaled to E|w|^2 = m (unit variance per weight), except where that moment is infinite. With g standard normal in
R^m, u uniform on the unit sphere, E a standard exponential and U a uniform variable:

=====================  ============================  ==================================
`row_law` name         row                           ratio E|w|^4 m/((m+2) (E|w|^2)^2)
=====================  ============================  ==================================
gaussian               g                             1
student_<nu>           g sqrt((nu-2) / chi^2_nu)     (nu-2)/(nu-4)
cauchy                 g / |N(0,1)|                  E|w|^2 is infinite
elliptical_laplace     g sqrt(E)                     2
sphere                 u sqrt(m)                     m/(m+2)
ball                   u sqrt(m+2) U^(1/m)           (m+2)/(m+4)
exponential_radius     u E sqrt(m/2)                 6m/(m+2)
=====================  ============================  ==================================

=====================  ====================================  ========  ===============
`row_law` name         independent weights                   skewness  excess kurtosis
=====================  ====================================  ========  ===============
iid_uniform            uniform on (-sqrt 3, sqrt 3)          0         -1.2
iid_rademacher         +-1                                   0         -2
iid_laplace            density exp(-|w| sqrt 2) / sqrt 2     0         3
iid_student_<nu>       Student's t, nu > 2                   0         6/(nu-4)
iid_exponential        E - 1                                 2         6
iid_sparse_<p>         N(0, 1/p) with probability p, else 0  0         3/p - 3
=====================  ====================================  ========  ===============

The laws of single weights that pair with an activation are in `weights`, not scaled to unit variance: spherical_1 is
uniform on (-1, 1) there; normal and spherical_0 (signs) are gaussian and iid_rademacher here. A function that takes a
law of rows takes the law or its name (`row_law`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.special as sc
from numpy.typing import DTypeLike, NDArray

from preactivations.names import parameter

__all__ = [
    "Ball",
    "EllipticalLaplace",
    "ExponentialRadius",
    "Gaussian",
    "Iid",
    "IidExponential",
    "IidLaplace",
    "IidRademacher",
    "IidSparse",
    "IidStudent",
    "IidUniform",
    "RotationInvariant",
    "Sphere",
    "Student",
    "row_law",
]

Array = NDArray[np.float64]


class RotationInvariant(ABC):
    """w = R u with u uniform on the unit sphere of R^m, independent of R >= 0."""

    @abstractmethod
    def norm_moment(self, s: float, m: int) -> float:
        """E|w|^s of a row of m >= 1 weights, for real s; inf where it is infinite."""

    @abstractmethod
    def project(self, rows: int, m: int, size: int, rng: np.random.Generator) -> Array:
        """(w.e_1, ..., w.e_size) for orthonormal e_k in R^m and `rows` independent rows, size <= m; shape (rows, size).

        Its law is exact, and all that `size` inputs see of the weights, at a cost that does not grow with m.
        ValueError for rows < 0, or a size that is not from 1 to m.
        """

    def sample(self, rows: int, m: int, rng: np.random.Generator, dtype: DTypeLike = np.float64) -> Any:
        """Independent rows, shape (rows, m), of any floating `dtype`; ValueError for rows < 0 or m < 1."""
        return self.project(rows, m, m, rng).astype(dtype, copy=False)

    def ratio(self, m: int) -> float:
        """E|w|^4 m / ((m+2) (E|w|^2)^2): what kernels of finite width know of the law; 1 for normal weights.

        inf where E|w|^4 is infinite.
        """
        fourth = self.norm_moment(4, m)
        return fourth * m / ((m + 2) * self.norm_moment(2, m) ** 2) if math.isfinite(fourth) else math.inf

    def kernel_factor(self, degree: int, m: int) -> float:
        """E|w|^(2 degree) / E chi_m^(2 degree): kernels are those of normal weights times it.

        `degree` is 0, 1 or 2; inf where E|w|^(2 degree) is infinite.
        """
        return 1.0 if degree == 0 else self.norm_moment(2 * degree, m) / _chi_moment(2 * degree, m)


def _chi_moment(s: float, m: int) -> float:
    """E chi_m^s = 2^(s/2) Gamma((m+s)/2) / Gamma(m/2); inf for s <= -m."""
    return math.inf if s <= -m else 2 ** (s / 2) * float(sc.poch(m / 2, s / 2))


def _sizes(rows: int, m: int, size: int) -> None:
    if not (rows >= 0 and 1 <= size <= m):
        raise ValueError(f"rows must be at least 0 and 1 <= size <= m, got rows {rows}, size {size}, m {m}")


class _Mixture(RotationInvariant):
    """w = scale * g."""

    @abstractmethod
    def _scale_moment(self, s: float) -> float: ...

    @abstractmethod
    def _scale(self, rows: int, rng: np.random.Generator) -> Array: ...

    def norm_moment(self, s: float, m: int) -> float:
        return self._scale_moment(s) * _chi_moment(s, m)

    def project(self, rows: int, m: int, size: int, rng: np.random.Generator) -> Array:
        _sizes(rows, m, size)
        return self._scale(rows, rng)[:, None] * rng.standard_normal((rows, size))


@dataclass(frozen=True)
class Gaussian(_Mixture):
    """Independent standard normal weights: the only law that is both rotation-invariant and independent."""

    def _scale_moment(self, s: float) -> float:
        return 1.0

    def _scale(self, rows: int, rng: np.random.Generator) -> Array:
        return np.ones(rows)


@dataclass(frozen=True)
class Student(_Mixture):
    """Multivariate Student: a normal row over an independent chi_nu. nu = 1 is the multivariate Cauchy law.

    Scaled to E|w|^2 = m for nu > 2, to g sqrt(nu / chi^2_nu) else. ValueError unless 0 < nu <= 1e12.
    """

    nu: float

    def __post_init__(self) -> None:
        _positive("nu", self.nu)

    @property
    def _squared(self) -> float:
        return self.nu - 2 if self.nu > 2 else self.nu

    def _scale_moment(self, s: float) -> float:
        if s >= self.nu:
            return math.inf
        return float((self._squared / 2) ** (s / 2) * sc.poch(self.nu / 2, -s / 2))

    def _scale(self, rows: int, rng: np.random.Generator) -> Array:
        return np.sqrt(self._squared / rng.chisquare(self.nu, rows))


@dataclass(frozen=True)
class EllipticalLaplace(_Mixture):
    """A normal row times the root of an exponential variable: each weight has Laplace's law, but they are dependent."""

    def _scale_moment(self, s: float) -> float:
        return float(sc.gamma(1 + s / 2)) if s > -2 else math.inf

    def _scale(self, rows: int, rng: np.random.Generator) -> Array:
        return np.sqrt(rng.standard_exponential(rows))


class _Radial(RotationInvariant):
    """w = R u."""

    @abstractmethod
    def _radius(self, rows: int, m: int, rng: np.random.Generator) -> Array: ...

    def project(self, rows: int, m: int, size: int, rng: np.random.Generator) -> Array:
        _sizes(rows, m, size)
        g = rng.standard_normal((rows, size))
        square = (g * g).sum(axis=1)
        if size < m:
            square += rng.chisquare(m - size, rows)
        return (self._radius(rows, m, rng) / np.sqrt(square))[:, None] * g


@dataclass(frozen=True)
class Sphere(_Radial):
    """Uniform on the sphere of radius sqrt(m)."""

    def norm_moment(self, s: float, m: int) -> float:
        """E|w|^s = m^(s/2)."""
        return float(m ** (s / 2))

    def _radius(self, rows: int, m: int, rng: np.random.Generator) -> Array:
        return np.full(rows, math.sqrt(m))


@dataclass(frozen=True)
class Ball(_Radial):
    """Uniform in the ball of radius sqrt(m + 2)."""

    def norm_moment(self, s: float, m: int) -> float:
        """E|w|^s = (m + 2)^(s/2) m / (m + s); inf for s <= -m."""
        return math.inf if s <= -m else float((m + 2) ** (s / 2) * m / (m + s))

    def _radius(self, rows: int, m: int, rng: np.random.Generator) -> Array:
        return math.sqrt(m + 2) * rng.random(rows) ** (1 / m)


@dataclass(frozen=True)
class ExponentialRadius(_Radial):
    """|w| exponential: mass near 0 and a heavy tail, at any m."""

    def norm_moment(self, s: float, m: int) -> float:
        """E|w|^s = (m/2)^(s/2) Gamma(1 + s); inf for s <= -1."""
        return math.inf if s <= -1 else float((m / 2) ** (s / 2) * sc.gamma(1 + s))

    def _radius(self, rows: int, m: int, rng: np.random.Generator) -> Array:
        return math.sqrt(m / 2) * rng.standard_exponential(rows)


class Iid(ABC):
    """Independent weights of mean 0 and variance 1."""

    symmetric: ClassVar[bool] = True
    """Whether W and -W have the same law."""

    @abstractmethod
    def moment(self, k: int) -> float:
        """E W^k for an integer k >= 0 (ValueError else); inf where E|W|^k is infinite."""

    @abstractmethod
    def _draw(self, size: tuple[int, ...], rng: np.random.Generator, dtype: DTypeLike) -> Any: ...

    def sample(self, rows: int, m: int, rng: np.random.Generator, dtype: DTypeLike = np.float64) -> Any:
        """Independent rows, shape (rows, m), float64 or float32; ValueError for rows < 0 or m < 1."""
        _sizes(rows, m, 1)
        return self._draw((rows, m), rng, np.dtype(dtype))

    @property
    def skewness(self) -> float:
        """Third cumulant; inf if there is none."""
        return self.moment(3)

    @property
    def kurtosis(self) -> float:
        """Fourth cumulant, E W^4 - 3; inf if there is none."""
        return self.moment(4) - 3

    def kernel_factor(self, degree: int, m: int) -> float:
        """1, the limit of many inputs; inf at degree 2 without a fourth moment."""
        return 1.0 if degree < 2 or math.isfinite(self.kurtosis) else math.inf


def _even(k: int, moment: Callable[[int], float]) -> float:
    if k < 0 or k != int(k):
        raise ValueError(f"k must be an integer >= 0, got {k}")
    return 0.0 if k % 2 else moment(k)


@dataclass(frozen=True)
class IidUniform(Iid):
    """Uniform on (-sqrt 3, sqrt 3), of variance 1 (`weights.SphericalMarginal(1)` is uniform on (-1, 1))."""

    def moment(self, k: int) -> float:
        """E W^k = 3^(k/2) / (k + 1) for even k, else 0."""
        return _even(k, lambda k: 3 ** (k / 2) / (k + 1))

    def _draw(self, size: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Any:
        w = rng.random(size, dtype=dtype)
        w -= 0.5
        w *= math.sqrt(12)
        return w


@dataclass(frozen=True)
class IidRademacher(Iid):
    """+-1 with equal probability."""

    def moment(self, k: int) -> float:
        """E W^k = 1 for even k, else 0."""
        return _even(k, lambda k: 1.0)

    def _draw(self, size: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Any:
        w = rng.integers(0, 2, size, dtype=np.int8).astype(dtype)
        w *= 2
        w -= 1
        return w


@dataclass(frozen=True)
class IidLaplace(Iid):
    """Density exp(-|w| sqrt 2) / sqrt 2."""

    def moment(self, k: int) -> float:
        """E W^k = k! / 2^(k/2) for even k, else 0."""
        return _even(k, lambda k: math.factorial(k) / 2 ** (k / 2))

    def _draw(self, size: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Any:
        w = rng.standard_exponential(size, dtype=dtype)
        w -= rng.standard_exponential(size, dtype=dtype)
        w *= math.sqrt(0.5)
        return w


@dataclass(frozen=True)
class IidStudent(Iid):
    """Student's t scaled to variance 1, 2 < nu <= 1e12 (ValueError else); E W^k is finite for k < nu."""

    nu: float

    def __post_init__(self) -> None:
        if not (_positive("nu", self.nu) > 2):
            raise ValueError(f"nu must be above 2, or the variance is infinite, got {self.nu}")

    def moment(self, k: int) -> float:
        """E W^k = (k - 1)!! ((nu - 2)/2)^(k/2) Gamma((nu - k)/2) / Gamma(nu/2) for even k < nu.

        0 for odd k < nu; inf for k >= nu.
        """
        normal = Student(self.nu)
        return _even(k, lambda k: normal.norm_moment(k, 1)) if k < self.nu or k != int(k) else math.inf

    def _draw(self, size: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Any:
        w = rng.standard_normal(size, dtype=dtype)
        w *= np.sqrt((self.nu / 2 - 1) / rng.standard_gamma(self.nu / 2, size, dtype=dtype))
        return w


@dataclass(frozen=True)
class IidExponential(Iid):
    """Exponential of mean 1, less 1: skewed."""

    symmetric: ClassVar[bool] = False

    def moment(self, k: int) -> float:
        """E W^k = k! sum_(j <= k) (-1)^j / j!."""
        _even(k, lambda k: 0.0)  # refuses what is no order
        return float(sum((-1) ** j * math.perm(k, k - j) for j in range(k + 1)))  # k! sum (-1)^j / j!

    def _draw(self, size: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Any:
        w = rng.standard_exponential(size, dtype=dtype)
        w -= 1
        return w


@dataclass(frozen=True)
class IidSparse(Iid):
    """N(0, 1/p) with probability p, else 0; ValueError unless 0 < p <= 1."""

    p: float

    def __post_init__(self) -> None:
        if not 0 < self.p <= 1:
            raise ValueError(f"p must be in (0, 1], got {self.p}")

    def moment(self, k: int) -> float:
        """E W^k = p^(1 - k/2) (k - 1)!! for even k >= 2, 1 for k = 0, else 0."""
        return _even(k, lambda k: self.p ** (1 - k / 2) * _chi_moment(k, 1) if k else 1.0)

    def _draw(self, size: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Any:
        w = rng.standard_normal(size, dtype=dtype)
        w *= rng.random(size, dtype=dtype) < self.p
        w *= math.sqrt(1 / self.p)
        return w


def row_law(name: str) -> RotationInvariant | Iid:
    """A law by its name in the tables above, with its parameter: "student_5", "iid_sparse_0.3".

    Raises
    ------
    ValueError
        For an unknown name or a parameter out of range.

    Examples
    --------
    >>> row_law("student_5")
    Student(nu=5.0)
    """
    known: dict[str, Callable[[], RotationInvariant | Iid]] = {
        "gaussian": Gaussian,
        "cauchy": lambda: Student(1.0),
        "elliptical_laplace": EllipticalLaplace,
        "sphere": Sphere,
        "ball": Ball,
        "exponential_radius": ExponentialRadius,
        "iid_uniform": IidUniform,
        "iid_rademacher": IidRademacher,
        "iid_laplace": IidLaplace,
        "iid_exponential": IidExponential,
    }
    with_number: dict[str, Callable[[float], RotationInvariant | Iid]] = {
        "student": Student,
        "iid_student": IidStudent,
        "iid_sparse": IidSparse,
    }
    if name in known:
        return known[name]()
    for family, law in with_number.items():
        if (value := parameter(name, family)) is not None:
            return law(value)
    accepted = [*known, "student_<nu>", "iid_student_<nu>", "iid_sparse_<p>"]
    raise ValueError(f"unknown law of rows {name!r}; accepted: {', '.join(accepted)}")


def _positive(name: str, value: float) -> float:
    if not 0 < value <= 1e12:
        raise ValueError(f"{name} must be > 0 and at most 1e12 (beyond, the law is normal), got {value}")
    return float(value)
