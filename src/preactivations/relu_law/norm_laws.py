"""Laws of a squared norm on a logarithmic axis: by Fourier series, and on a grid by the transfer operator.

Both are laws of q >= 0 with an atom at 0 and a smooth density of y = log q elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline, make_interp_spline
from scipy.sparse import csr_matrix, diags_array, eye_array
from scipy.sparse.linalg import splu

from preactivations.quadrature import gauss_legendre
from preactivations.real import real_array
from preactivations.relu_law.layers import Layer
from preactivations.relu_law.norm_factor import LogMoments, NormFactor

__all__ = ["FourierLaw", "GridLaw", "NormLaw", "fourier_law", "propagated_law", "stationary_grid_law"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_LOG_CUT = 37.0  # a law is followed until exp(-37) = 1e-16 is left on either side
_LOG_CUT_GRID = 30.0  # on grids 1e-13
_POINTS_PER_SD = 12  # of one layer's log norm
_MOST_POINTS = 40_000
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
    low, high = _window(lambda p: log_moment(p) - log_alive, lowest, _LOG_CUT)
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
    """From values of the density of log q on a uniform grid: splines of degree 5 through its logarithm.

    One spline for each stretch where the density is above 1e-30 of its maximum; 0 between. `y` and `density`
    have shape (n,); the density is scaled to the mass 1 - atom.
    """

    def __init__(self, atom: float, y: Array, density: Array) -> None:
        self._stretches = _log_splines(y, density)
        super().__init__(atom, 1 - atom, self._stretches[0][0], self._stretches[-1][1])
        self._step = float(y[1] - y[0])
        self._y = y[(y >= self.low) & (y <= self.high)]
        mass = self._mass(self._y[:-1], np.full(self._y.size - 1, self._step))
        self._to_left = np.concatenate([[0.0], np.cumsum(mass)])
        self._to_right = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])
        self._total = float(self._to_left[-1])

    def _unscaled(self, y: Array) -> Array:
        found = np.zeros(y.shape)
        for first, last, log in self._stretches:
            inside = (y >= first) & (y <= last)
            found[inside] = np.exp(log(y[inside]))
        return found

    def _density(self, y: Array) -> Array:
        return self._unscaled(y) / self._total

    def _mass(self, start: Array, length: Array) -> Array:
        """Integral of the density over [start, start + length], intervals of a step at most."""
        t, weight = gauss_legendre((0, 1), 6)
        return self._unscaled(start[:, None] + length[:, None] * t) @ weight * length

    def _cell(self, y: Array) -> NDArray[np.int64]:
        return np.clip(((y - self.low) / self._step).astype(np.int64), 0, self._y.size - 2)

    def _below(self, y: Array) -> Array:
        i = self._cell(y)
        return (self._to_left[i] + self._mass(self._y[i], y - self._y[i])) / self._total

    def _above(self, y: Array) -> Array:
        i = self._cell(y)
        return (self._to_right[i + 1] + self._mass(y, self._y[i + 1] - y)) / self._total


def _log_splines(y: Array, density: Array) -> list[tuple[float, float, BSpline]]:
    """Ends and logarithm of the density, for each stretch where it is above 1e-30 of its maximum."""
    high = np.concatenate([[False], density > 1e-30 * density.max(), [False]])
    ends = np.flatnonzero(high[1:] != high[:-1]).reshape(-1, 2)
    return [
        (y[i], y[j - 1], make_interp_spline(y[i:j], np.log(density[i:j]), k=5)) for i, j in ends if j - i >= 6
    ]


def _moment_bounds(layer: Layer, orders: Array, log_m: Array, of_factor: Array, atom: float) -> Array:
    """Bounds on log E[q'^p; q' > 0] from those of q, with P(q = 0) = atom.

    Subadditivity for 0 < p <= 1, Minkowski above; below 0 s^2 is at least its bias, and at least v q where q > 0.
    """
    scaled = orders * math.log(layer.v) + log_m
    if layer.b == 0:
        return scaled + of_factor
    bias = orders * math.log(layer.b)
    size = np.maximum(orders, 1)
    both = size * np.logaddexp(scaled / size, bias / size)
    dead = bias + math.log(atom) if atom > 1e-20 else np.full(bias.shape, -math.inf)
    return np.where(orders < 0, np.minimum(bias, np.logaddexp(dead, scaled)), both) + of_factor


class _Kernel:
    """Density of log Q of a factor as a function, 0 outside of a window: a spline of degree 5 through its logarithm."""

    def __init__(self, factor: NormFactor) -> None:
        factor = factor.essential
        self.low, self.high = _window(lambda p: float(factor.log_moment(p)), factor.lowest_moment, _LOG_CUT)
        self.sd = math.sqrt(factor.log_moments().variance)
        fine = np.linspace(self.low, self.high, 8 + int(60 * (self.high - self.low) / self.sd))
        self._spline: BSpline = make_interp_spline(fine, factor.log_pdf_of_log(fine), k=5)

    def __call__(self, x: Array) -> Array:
        found = np.zeros(x.shape)
        inside = (x > self.low) & (x < self.high)
        found[inside] = np.exp(self._spline(x[inside]))
        return found


def propagated_law(layers: Sequence[Layer], q0: float) -> GridLaw:
    """Law after all layers from |x_0|^2 = q0, with biases: each layer's transfer operator applied in turn.

    One step is the trapezoidal rule in log q, whose error falls exponentially for these analytic densities.

    Raises
    ------
    ValueError
        If the window and the width ask for too many points, or the grid loses probability.
    """
    kernels = {factor: _Kernel(factor) for factor in {layer.factor for layer in layers}}
    orders = _orders(max(factor.essential.lowest_moment for factor in kernels))
    of_factors = {factor: factor.essential.log_moment(orders) for factor in kernels}
    bounds = orders * math.log(q0) if q0 > 0 else np.where(orders > 0, -math.inf, math.inf)
    windows: dict[int, tuple[float, float]] = {}
    atom = float(q0 == 0)
    for layer in layers:
        bounds = _moment_bounds(layer, orders, bounds, of_factors[layer.factor], atom)
        low, high = windows.get(id(layer), (math.inf, -math.inf))
        lowest, highest = _ends(orders, bounds, _LOG_CUT_GRID)
        windows[id(layer)] = min(low, lowest), max(high, highest)
        atom = _atom_after(layer, atom)
    # the law after a layer is as smooth as its kernel: equal layers have a grid of their own
    grids = {id(layer): _grid(*windows[id(layer)], kernels[layer.factor].sd) for layer in layers}
    first = layers[0]
    y = grids[id(first)]
    density, atom = kernels[first.factor](y - math.log(first.v * q0 + first.b)), first.factor.atom
    steps = [(id(before), id(after)) for before, after in pairwise(layers)]
    left = Counter(steps)
    known: dict[tuple[int, int], csr_matrix] = {}
    for layer, kinds in zip(layers[1:], steps, strict=True):
        after, kernel = grids[id(layer)], kernels[layer.factor]
        if after[1] - after[0] < 0.999 * (y[1] - y[0]):  # a kernel that is narrower than those before
            y, density = _refined(y, density, after[1] - after[0])
        operator = known.get(kinds)
        if operator is None:
            operator = _operator(layer, kernel, y, after)
        left[kinds] -= 1
        if left[kinds]:
            known[kinds] = operator
        else:
            known.pop(kinds, None)  # its last use: operators are large
        y, density = after, np.asarray(operator @ density, dtype=np.float64)
        if layer.b > 0:
            density += atom * kernel(y - math.log(layer.b))
        atom = _atom_after(layer, atom)
        density = _checked(density, 1 - atom, y[1] - y[0])
    return GridLaw(atom, y, density)


def _refined(y: Array, density: Array, step: float) -> tuple[Array, Array]:
    """The density on a finer grid, by the splines of `GridLaw`."""
    fine = np.linspace(y[0], y[-1], 1 + math.ceil((y[-1] - y[0]) / step))
    found = np.zeros(fine.size)
    for first, last, log in _log_splines(y, density):
        inside = (fine >= first) & (fine <= last)
        found[inside] = np.exp(log(fine[inside]))
    return fine, found


def _atom_after(layer: Layer, atom: float) -> float:
    """P(q' = 0): with a bias a dead network starts anew."""
    dead = layer.factor.atom
    return dead if layer.b > 0 else atom + (1 - atom) * dead


def _checked(density: Array, mass: float, step: float) -> Array:
    """The density, if the trapezoidal rule finds the mass that is known."""
    found = step * float(density.sum())
    if not abs(found - mass) < 1e-8 * mass:
        raise ValueError(
            f"the grid has lost probability: {found:.9g} of {mass:.9g} is left; slopes next to 0 do that"
        )
    return density


def stationary_grid_law(
    layer: Layer, log_bound: Callable[[float], float], log_moment: Callable[[float], float | None]
) -> GridLaw:
    """The law that a layer with bias leaves as it is; errors as for `propagated_law`.

    `log_bound` maps a real p to a bound on log E[q^p; q > 0] (inf: none), `log_moment` to its value where it is known.
    """
    kernel = _Kernel(layer.factor)
    low, high = _window(log_bound, layer.factor.essential.lowest_moment, _LOG_CUT_GRID)
    y = _grid(low, high, kernel.sd)
    step, atom = float(y[1] - y[0]), layer.factor.atom
    # density = operator density + atom * (the layer after a dead one), with the mass 1 - atom: one equation, that of
    # the largest density, gives way to the mass
    operator = _operator(layer, kernel, y, y)
    source = atom * kernel(y - math.log(layer.b))
    middle = int(np.argmax(operator @ kernel(y - math.log(layer.b)) + source))
    kept = np.ones(y.size)
    kept[middle] = 0
    mass = csr_matrix((np.full(y.size, step), (np.full(y.size, middle), np.arange(y.size))), operator.shape)
    system = diags_array(kept) @ (eye_array(y.size) - operator) + mass
    source[middle] = 1 - atom
    law = GridLaw(atom, y, _checked(splu(system.tocsc()).solve(source), 1 - atom, step))
    law._exact = log_moment
    return law


def _grid(low: float, high: float, sd: float) -> Array:
    points = 1 + math.ceil(_POINTS_PER_SD * (high - low) / sd)
    if points > _MOST_POINTS:
        raise ValueError(
            f"log q spreads over [{low:.4g}, {high:.4g}], {points} points for this width: at most {_MOST_POINTS} are "
            "accepted"
        )
    return np.linspace(low, high, max(points, 16))


def _operator(layer: Layer, kernel: _Kernel, y: Array, after: Array) -> csr_matrix:
    """Matrix of one layer from the grid `y` to the grid `after`, step of `y` included: its product with a density."""
    step = after[1] - after[0]
    centre = layer.log_s2(y)
    below, above = math.floor(kernel.low / step), math.ceil(kernel.high / step)
    near = np.rint((centre - after[0]) / step).astype(np.int64)[:, None] + np.arange(below, above + 1)
    inside = (near >= 0) & (near < after.size)
    rows, columns = near[inside], np.broadcast_to(np.arange(y.size)[:, None], near.shape)[inside]
    values = (y[1] - y[0]) * kernel(after[rows] - centre[columns])
    return csr_matrix((values, (rows, columns)), shape=(after.size, y.size))
