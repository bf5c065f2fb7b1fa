"""Laws of a squared norm q >= 0, with an atom at 0 and a smooth density of log q elsewhere; without biases by Fourier
series. Laws on grids are in `grid_laws`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.quadrature import gauss_legendre
from preactivations.real import real_array
from preactivations.relu_law.norm_factor import LogMoments

__all__ = ["FourierLaw", "NormLaw", "fourier_law"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

LOG_CUT = 37.0  # a law is followed until exp(-37) = 1e-16 is left on either side
_BLOCK = 1 << 20


class NormLaw:
    """Law of a squared norm q: an atom at 0 and a density. Methods but the moments are elementwise.

    Attributes
    ----------
    atom : float
        P(q = 0).
    alive : float
        P(q > 0), with its own relative accuracy.
    low : float
    high : float
        log q is between them but for a probability that does not count: 1e-16 in closed form (Fourier series), 1e-13 on
        a grid, of the part that is alive. Beyond them the density is given as 0.
    """

    #: log E[q^p; q > 0] where it is known without the law, else None
    _exact: Callable[[float], float | None] = staticmethod(lambda p: None)

    def __init__(self, atom: float, alive: float, low: float, high: float) -> None:
        self.atom, self.alive, self.low, self.high = atom, alive, low, high

    def _density(self, y: Array) -> Array:
        """Of log q given q > 0, at y in [low, high]."""
        raise NotImplementedError

    def _below(self, y: Array) -> Array:
        """P(log q <= y | q > 0)."""
        raise NotImplementedError

    def _above(self, y: Array) -> Array:
        """P(log q > y | q > 0)."""
        return 1 - self._below(y)

    def pdf_of_log(self, y: ArrayLike) -> Array:
        """Density of log q at `y`; its integral is `alive`."""
        y = real_array("y", y)
        inside = (y >= self.low) & (y <= self.high)
        found = np.where(np.isnan(y), np.nan, 0.0)
        found[inside] = self.alive * np.maximum(self._density(y[inside]), 0)
        return found

    def pdf(self, q: ArrayLike) -> Array:
        """Density of q at `q` > 0, 0 elsewhere; its integral is `alive`."""
        q = real_array("q", q)
        positive = np.where((q > 0) & (q < np.inf), q, 1.0)
        found = np.where(positive == q, self.pdf_of_log(np.log(positive)) / positive, 0.0)
        return np.where(np.isnan(q), np.nan, found)

    def cdf_of_log(self, y: ArrayLike) -> Array:
        """P(log q <= y), atom included (log q = -inf); for q beyond the range of floating point."""
        y = real_array("y", y)
        at = np.clip(np.where(np.isnan(y), self.low, y), self.low, self.high).ravel()
        below = np.clip(self._below(at), 0, 1).reshape(y.shape)
        return np.where(np.isnan(y), np.nan, self.atom + self.alive * np.where(y < self.low, 0.0, below))

    def cdf(self, q: ArrayLike) -> Array:
        """P(q' <= q), atom included."""
        q = real_array("q", q)
        with np.errstate(divide="ignore"):
            found = self.cdf_of_log(np.log(np.maximum(q, 0)))
        return np.where(q < 0, 0.0, found)

    def sf(self, q: ArrayLike) -> Array:
        """P(q' > q); on a grid with relative accuracy in the upper tail, as a Fourier series to 1e-15."""
        q = real_array("q", q)
        with np.errstate(divide="ignore"):
            y = np.log(np.maximum(q, 0))
        at = np.clip(np.where(np.isnan(y), self.low, y), self.low, self.high).ravel()
        above = np.where(y >= self.high, 0.0, np.clip(self._above(at), 0, 1).reshape(q.shape))
        found = self.alive * np.where(y < self.low, 1.0, above)
        return np.where(np.isnan(q), np.nan, np.where(q < 0, 1.0, found))

    def ppf_of_log(self, probability: ArrayLike) -> Array:
        """The least y with P(log q <= y) >= probability, by bisection; -inf up to the atom.

        Raises
        ------
        ValueError
            For a probability outside (0, 1).
        """
        p = real_array("probability", probability)
        if not ((p > 0) & (p < 1)).all():
            raise ValueError(f"probability must be in (0, 1), got {p}")
        low, high = np.full(p.shape, self.low), np.full(p.shape, self.high)
        for _ in range(60):
            middle = (low + high) / 2
            above = self.atom + self.alive * self._below(middle.ravel()).reshape(p.shape) >= p
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.where(p <= self.atom, -np.inf, high)

    def ppf(self, probability: ArrayLike) -> Array:
        """The least q with cdf(q) >= probability in (0, 1), 0 up to the atom; errors as for `ppf_of_log`."""
        return np.exp(self.ppf_of_log(probability))

    def moment(self, p: float) -> float:
        """E[q^p; q > 0] for one real p: exact without biases, and for p = 1, 2, ...; else by quadrature.

        Raises
        ------
        ValueError
            Where more than 1e-6 of it comes from beyond the window, in which quadrature knows the law.
        """
        exact = self._exact(float(p))
        if exact is not None:
            with np.errstate(over="ignore"):
                return float(np.exp(exact))
        y, mass = self._rule()
        shift = float((p * y).max())
        panels = (mass * np.exp(p * y - shift)).reshape(-1, 20).sum(axis=1)
        total = float(panels.sum())
        # the tails fall at least like powers of q: geometrically from panel to panel
        for end, before in ((panels[-1], panels[-2]), (panels[0], panels[1])):
            if not end * end <= 1e-6 * total * (before - end):
                raise ValueError(
                    f"the moment of order {p:g} is infinite, or determined by values with a probability below 1e-13"
                )
        with np.errstate(over="ignore"):
            return float(self.alive * total * np.exp(shift))

    def log_moments(self) -> LogMoments:
        """Mean and variance of log q given q > 0, by quadrature."""
        y, mass = self._rule()
        mean = float(mass @ y)
        return LogMoments(mean, float(mass @ (y - mean) ** 2))

    def mixture_cdf(self, x: ArrayLike) -> Array:
        """P(h <= x) of h ~ N(0, q) given q: of a pre-activation that takes this signal by weights of variance 1.

        E Phi(x / sqrt q), h = 0 where q = 0; elementwise. By the trapezoidal rule in log q, whose density is smooth and
        has vanished at the ends: to 1e-12.
        """
        x = real_array("x", x)
        size = max(256, math.ceil(8 * (self.high - self.low)))
        y = np.linspace(self.low, self.high, size)
        mass = np.maximum(self._density(y), 0)
        with np.errstate(over="ignore", invalid="ignore"):
            ratio = x.ravel()[:, None] * np.exp(-y / 2)
        each = sc.ndtr(np.where(x.ravel()[:, None] == 0, 0.0, ratio))
        return self.atom * (x >= 0) + self.alive * (each @ (mass / mass.sum())).reshape(x.shape)

    def _rule(self) -> tuple[Array, Array]:
        """Nodes and masses of a composite Gauss-Legendre rule for the law of log q given q > 0."""
        y, weight = gauss_legendre(np.linspace(self.low, self.high, 401), 20)
        mass = weight * np.maximum(self._density(y), 0)
        return y, mass / mass.sum()


class FourierLaw(NormLaw):
    """From the characteristic function of log q: pdf(y) = (1/w) [c_0 + 2 Re sum c_k exp(-i t_k y)], t_k = 2 pi k / w.

    The window of length w holds all but 1e-16 of the law, so that the series is the law up to rounding.
    y is counted from `low` here, and q > 0 given; `coefficients` are c_0 = 1, c_1, ...
    """

    def __init__(self, atom: float, alive: float, low: float, high: float, coefficients: Complex) -> None:
        super().__init__(atom, alive, low, high)
        self._c = coefficients  # of y - low given that q > 0; c_0 = 1
        self._t = 2 * math.pi * np.arange(coefficients.size) / (high - low)

    def _density(self, y: Array) -> Array:
        return self._sum(y, self._c[1:], np.ones(y.size))

    def _below(self, y: Array) -> Array:
        slope = self._c[1:] / (1j * self._t[1:])
        return self._sum(y, -slope, y - self.low + 2 * float(slope.sum().real))

    def _sum(self, y: Array, c: Complex, rest: Array) -> Array:
        found = np.empty(y.size)
        step = max(1, _BLOCK // self._t.size)
        for start in range(0, y.size, step):
            part = slice(start, start + step)
            found[part] = 2 * (np.exp(-1j * (y[part] - self.low)[:, None] * self._t[1:]) @ c).real
        return (found + rest) / (self.high - self.low)


def fourier_law(
    log_alive: float,
    log_moment: Callable[[float], float],
    log_mellin: Callable[[Complex], Complex],
    lowest: float,
) -> FourierLaw:
    """Law of q from E[q^p; q > 0], by Fourier series (`FourierLaw`).

    Parameters
    ----------
    log_alive : float
        log P(q > 0).
    log_moment : callable
        Of real p > `lowest`: log E[q^p; q > 0].
    log_mellin : callable
        The same for an array of imaginary p.
    lowest : float
        Negative.
    """
    low, high = chernoff_window(lambda p: log_moment(p) - log_alive, lowest, LOG_CUT)
    step = 2 * math.pi / (high - low)
    parts: list[Complex] = []
    size, start = 64, 0
    while True:
        t = step * np.arange(start, start + size)
        with np.errstate(under="ignore"):
            phase = (1j * t).astype(np.complex128)
            values: Complex = np.exp(log_mellin(phase) - log_alive - phase * low)
        parts.append(values)
        if abs(values[-8:]).max() < 1e-18:
            break
        start, size = start + size, 2 * size
    c = np.concatenate(parts)
    c = c[: int(np.flatnonzero(abs(c) > 1e-18)[-1]) + 1] / c[0].real
    return FourierLaw(-math.expm1(log_alive), math.exp(log_alive), low, high, c)


_HIGH = np.geomspace(1e-3, 1e4, 141)  # orders of the moments in Chernoff's bounds, above and below 0
_LOW = -np.geomspace(1e-3, 0.999, 80)


def moment_orders(lowest: float) -> Array:
    """Orders p of the moments in Chernoff's bounds, above `lowest` and not 0."""
    return np.concatenate([_HIGH, _LOW * min(-lowest, 1e4)])


def chernoff_ends(orders: Array, log_moments: Array, cut: float) -> tuple[float, float]:
    """Chernoff: P(log q > y) <= E[q^p] exp(-p y), likewise below with p < 0; the best of the orders p."""
    ends = (log_moments + cut) / orders
    return float(ends[orders < 0].max()), float(ends[orders > 0].min())


def chernoff_window(log_moment: Callable[[float], float], lowest: float, cut: float) -> tuple[float, float]:
    """Ends of a window that leaves out exp(-cut) of a law at most, on either side."""
    orders = moment_orders(lowest)
    return chernoff_ends(orders, np.array([log_moment(p) for p in orders]), cut)
