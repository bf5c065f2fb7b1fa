"""Laws of a squared norm on a logarithmic axis: by Fourier series, and on a grid by the transfer operator.

Both are laws of q >= 0 with an atom at 0 and a smooth density of y = log q elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline, CubicSpline, make_interp_spline
from scipy.sparse import csr_matrix, diags_array, eye_array
from scipy.sparse.linalg import splu

from preactivations._norm_factor import NormFactor

__all__ = ["FourierLaw", "GridLaw", "NormLaw", "fourier_law", "propagated_law", "stationary_grid_law"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_LOG_CUT = 37.0  # a law is followed until exp(-37) = 1e-16 is left on either side
_LOG_CUT_GRID = 30.0  # on grids 1e-13
_POINTS_PER_SD = 8  # of one layer's log norm
_MOST_POINTS = 40_000
_BLOCK = 1 << 20


class NormLaw:
    """Law of a squared norm q: an atom at 0 and a density.

    Attributes
    ----------
    atom : float
        P(q = 0).
    low, high : float
        log q is between them but for a probability that does not count: 1e-16 in closed form (Fourier series), 1e-13 on
        a grid. Beyond them the density is given as 0.
    """

    def __init__(self, atom: float, low: float, high: float) -> None:
        self.atom, self.low, self.high = atom, low, high

    def _density(self, y: Array) -> Array:
        raise NotImplementedError

    def _cumulative(self, y: Array) -> Array:
        """P(0 < q <= exp(y))."""
        raise NotImplementedError

    def pdf_of_log(self, y: ArrayLike) -> Array:
        """Density of log q at `y`; its integral is 1 - atom."""
        y = np.asarray(y, dtype=np.float64)
        inside = (y >= self.low) & (y <= self.high)
        found = np.zeros(y.shape)
        found[inside] = np.maximum(self._density(y[inside]), 0)
        return found

    def pdf(self, q: ArrayLike) -> Array:
        """Density of q at `q` > 0, 0 elsewhere; its integral is 1 - atom."""
        q = np.asarray(q, dtype=np.float64)
        positive = np.where(q > 0, q, 1.0)
        return np.where(q > 0, self.pdf_of_log(np.log(positive)) / positive, 0.0)

    def cdf(self, q: ArrayLike) -> Array:
        """P(q' <= q), atom included."""
        q = np.asarray(q, dtype=np.float64)
        y = np.log(np.where(q > 0, q, 1.0))
        below = self._cumulative(np.clip(y, self.low, self.high).ravel()).reshape(q.shape)
        below = np.clip(below, 0, 1 - self.atom)
        return np.where(q < 0, 0.0, self.atom + np.where(q > 0, below, 0.0))

    def ppf(self, probability: ArrayLike) -> Array:
        """The least q with cdf(q) >= probability, by bisection in log q.

        Raises
        ------
        ValueError
            For a probability outside (0, 1).
        """
        p = np.asarray(probability, dtype=np.float64)
        if not ((p > 0) & (p < 1)).all():
            raise ValueError(f"probability must be in (0, 1), got {p}")
        low, high = np.full(p.shape, self.low), np.full(p.shape, self.high)
        for _ in range(60):
            middle = (low + high) / 2
            above = self.atom + self._cumulative(middle.ravel()).reshape(p.shape) >= p
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.where(p <= self.atom, 0.0, np.exp(high))


class FourierLaw(NormLaw):
    """From the characteristic function of log q: pdf(y) = (1/w) [c_0 + 2 Re sum c_k exp(-i t_k y)], t_k = 2 pi k / w.

    The window of length w holds all but 1e-16 of the law, so that the series is the law up to rounding.
    """

    def __init__(self, atom: float, low: float, high: float, coefficients: Complex) -> None:
        super().__init__(atom, low, high)
        self._c = coefficients  # of y - low, c_0 = P(alive)
        self._t = 2 * math.pi * np.arange(coefficients.size) / (high - low)

    def _density(self, y: Array) -> Array:
        return self._sum(y, self._c[1:], float(self._c[0].real) * np.ones(y.size))

    def _cumulative(self, y: Array) -> Array:
        slope = self._c[1:] / (1j * self._t[1:])
        at_low = 2 * float(slope.sum().real)
        return self._sum(y, -slope, float(self._c[0].real) * (y - self.low) + at_low)

    def _sum(self, y: Array, c: Complex, rest: Array) -> Array:
        found = np.empty(y.size)
        step = max(1, _BLOCK // self._t.size)
        for start in range(0, y.size, step):
            part = slice(start, start + step)
            found[part] = 2 * (np.exp(-1j * (y[part] - self.low)[:, None] * self._t[1:]) @ c).real
        return (found + rest) / (self.high - self.low)


def fourier_law(
    atom: float, log_moment: Callable[[float], float], log_mellin: Callable[[Complex], Complex], lowest: float
) -> FourierLaw:
    """Law of q from E[q^p; q > 0].

    Parameters
    ----------
    atom : float
    log_moment : callable
        Of real p > `lowest`: log E[q^p; q > 0].
    log_mellin : callable
        The same for an array of imaginary p.
    lowest : float
        Negative.
    """
    low, high = _window(log_moment, lowest, _LOG_CUT)
    step = 2 * math.pi / (high - low)
    parts: list[Complex] = []
    size, start = 64, 0
    while True:
        t = step * np.arange(start, start + size)
        with np.errstate(under="ignore"):
            values: Complex = np.exp(log_mellin((1j * t).astype(np.complex128)) - 1j * t * low)
        parts.append(values)
        if abs(values[-8:]).max() < 1e-18:
            break
        start, size = start + size, 2 * size
    c = np.concatenate(parts)
    return FourierLaw(atom, low, high, c[: int(np.flatnonzero(abs(c) > 1e-18)[-1]) + 1])


_HIGH = np.geomspace(1e-3, 1e4, 141)  # orders of the moments in Chernoff's bounds, above and below 0
_LOW = -np.geomspace(1e-3, 0.999, 80)


def _orders(lowest: float) -> Array:
    return np.concatenate([_HIGH, _LOW * min(-lowest, 1e4)])


def _ends(orders: Array, log_moments: Array, cut: float) -> tuple[float, float]:
    """Chernoff: P(log q > y) <= E[q^p] exp(-p y), likewise below with p < 0; the best of the orders p."""
    ends = (log_moments + cut) / orders
    return float(ends[orders < 0].max()), float(ends[orders > 0].min())


def _window(log_moment: Callable[[float], float], lowest: float, cut: float) -> tuple[float, float]:
    orders = _orders(lowest)
    return _ends(orders, np.array([log_moment(p) for p in orders]), cut)


class GridLaw(NormLaw):
    """From values of the density of log q on a uniform grid (interpolated by a spline of degree 5)."""

    def __init__(self, atom: float, y: Array, density: Array) -> None:
        super().__init__(atom, float(y[0]), float(y[-1]))
        self._spline: BSpline = make_interp_spline(y, density, k=5)
        self._integral: BSpline = self._spline.antiderivative()
        self._offset = float(self._integral(self.low))

    def _density(self, y: Array) -> Array:
        return np.asarray(self._spline(y))

    def _cumulative(self, y: Array) -> Array:
        return np.asarray(self._integral(y)) - self._offset


class Layer:
    """One step of the chain: s^2 = v q + b, then q' = s^2 Q."""

    def __init__(self, factor: NormFactor, weight_variance: float, bias_variance: float) -> None:
        self.factor, self.v, self.b = factor, weight_variance, bias_variance

    def log_s2(self, y: Array) -> Array:
        if self.b == 0:
            return y + math.log(self.v)
        return np.logaddexp(y + math.log(self.v), math.log(self.b))


def _moment_bounds(layer: Layer, orders: Array, log_m: Array, of_factor: Array) -> Array:
    """Bounds on log E[q'^p; q' > 0]: subadditivity for 0 < p <= 1, Minkowski above, monotony below 0."""
    scaled = orders * math.log(layer.v) + log_m
    if layer.b == 0:
        return scaled + of_factor
    bias = orders * math.log(layer.b)
    size = np.maximum(orders, 1)
    both = size * np.logaddexp(scaled / size, bias / size)
    return np.where(orders < 0, bias, both) + of_factor


class _Kernel:
    """Density of log Q of a factor as a function, 0 outside of a window."""

    def __init__(self, factor: NormFactor) -> None:
        self.low, self.high = _window(factor.log_moment, factor.lowest_moment, _LOG_CUT)
        self.sd = math.sqrt(factor.log_moments().variance)
        fine = np.linspace(self.low, self.high, 2 + int(60 * (self.high - self.low) / self.sd))
        self._spline = CubicSpline(fine, np.exp(factor.log_pdf_of_log(fine)))

    def __call__(self, x: Array) -> Array:
        found = np.zeros(x.shape)
        inside = (x > self.low) & (x < self.high)
        found[inside] = self._spline(x[inside])
        return found


def propagated_law(layers: Sequence[Layer], q0: float) -> GridLaw:
    """Law after all layers, from the norm q0, with biases: the transfer operator of each layer applied in turn.

    One step is the trapezoidal rule in log q, whose error falls exponentially for these analytic densities.

    Raises
    ------
    ValueError
        If the window and the width ask for too many points.
    """
    kernels = {factor: _Kernel(factor) for factor in {layer.factor for layer in layers}}
    orders = _orders(max(factor.lowest_moment for factor in kernels))
    of_factors = {factor: np.array([factor.log_moment(p) for p in orders]) for factor in kernels}
    bounds = orders * math.log(q0) if q0 > 0 else np.where(orders > 0, -math.inf, math.inf)
    low, high = math.inf, -math.inf
    for layer in layers:
        bounds = _moment_bounds(layer, orders, bounds, of_factors[layer.factor])
        lowest, highest = _ends(orders, bounds, _LOG_CUT_GRID)
        low, high = min(low, lowest), max(high, highest)
    y = _grid(low, high, min(kernel.sd for kernel in kernels.values()))
    step = y[1] - y[0]
    first = layers[0]
    s2 = first.v * q0 + first.b
    density, atom = np.zeros(y.size), 1.0
    if s2 > 0:
        density = kernels[first.factor](y - math.log(s2))
        atom = first.factor.atom
    known: dict[int, csr_matrix] = {}
    for layer in layers[1:]:
        operator = known.get(id(layer))
        if operator is None:
            operator = known[id(layer)] = _operator(layer, kernels[layer.factor], y)
        density = np.asarray(operator @ density, dtype=np.float64)
        dead = layer.factor.atom
        if layer.b > 0:
            density += atom * kernels[layer.factor](y - math.log(layer.b))
            atom = dead
        else:
            atom += (1 - atom) * dead
    return GridLaw(atom, y, density * (1 - atom) / (step * density.sum()))


def stationary_grid_law(layer: Layer, log_moment: Callable[[float], float]) -> GridLaw:
    """The law that the layer leaves as it is; `log_moment` bounds its moments (infinite where it does not)."""
    kernel = _Kernel(layer.factor)
    low, high = _window(log_moment, layer.factor.lowest_moment, _LOG_CUT_GRID)
    y = _grid(low, high, kernel.sd)
    step, atom = y[1] - y[0], layer.factor.atom
    # density = operator density + atom * (the layer after a dead one), with the mass 1 - atom: one equation, that of
    # the largest density, gives way to the mass
    operator = _operator(layer, kernel, y)
    source = atom * kernel(y - math.log(layer.b))
    middle = int(np.argmax(operator @ kernel(y - math.log(layer.b)) + source))
    kept = np.ones(y.size)
    kept[middle] = 0
    mass = csr_matrix((np.full(y.size, step), (np.full(y.size, middle), np.arange(y.size))), operator.shape)
    system = diags_array(kept) @ (eye_array(y.size) - operator) + mass
    source[middle] = 1 - atom
    return GridLaw(atom, y, splu(system.tocsc()).solve(source))


def _grid(low: float, high: float, sd: float) -> Array:
    points = 1 + math.ceil(_POINTS_PER_SD * (high - low) / sd)
    if points > _MOST_POINTS:
        raise ValueError(
            f"log q spreads over [{low:.4g}, {high:.4g}], {points} points for this width: at most {_MOST_POINTS} are "
            "accepted"
        )
    return np.linspace(low, high, max(points, 16))


def _operator(layer: Layer, kernel: _Kernel, y: Array) -> csr_matrix:
    """Matrix of one step on the grid, step included: new density = matrix @ density."""
    step = y[1] - y[0]
    after = layer.log_s2(y)
    below, above = math.floor(kernel.low / step), math.ceil(kernel.high / step)
    near = np.rint((after - y[0]) / step).astype(np.int64)[:, None] + np.arange(below, above + 1)
    inside = (near >= 0) & (near < y.size)
    rows, columns = near[inside], np.broadcast_to(np.arange(y.size)[:, None], near.shape)[inside]
    values = step * kernel(y[rows] - after[columns])
    return csr_matrix((values, (rows, columns)), shape=(y.size, y.size))
