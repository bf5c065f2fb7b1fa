"""Laws of a squared norm with biases: on grids of log q, by the transfer operator of each layer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline
from scipy.sparse import csr_matrix, diags_array, eye_array
from scipy.sparse.linalg import splu

from preactivations.quadrature import gauss_legendre
from preactivations.relu_law.layers import Layer
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.relu_law.norm_laws import LOG_CUT, NormLaw, chernoff_ends, chernoff_window, moment_orders

__all__ = ["GridLaw", "propagated_law", "stationary_grid_law"]

Array = NDArray[np.float64]

_LOG_CUT_GRID = 30.0  # as LOG_CUT: 1e-13
_POINTS_PER_SD = 12  # of one layer's log norm
_MOST_POINTS = 40_000


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
        self.low, self.high = chernoff_window(
            lambda p: float(factor.log_moment(p)), factor.lowest_moment, LOG_CUT
        )
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
    orders = moment_orders(max(factor.essential.lowest_moment for factor in kernels))
    of_factors = {factor: factor.essential.log_moment(orders) for factor in kernels}
    bounds = orders * math.log(q0) if q0 > 0 else np.where(orders > 0, -math.inf, math.inf)
    windows: dict[int, tuple[float, float]] = {}
    atom = float(q0 == 0)
    for layer in layers:
        bounds = _moment_bounds(layer, orders, bounds, of_factors[layer.factor], atom)
        low, high = windows.get(id(layer), (math.inf, -math.inf))
        lowest, highest = chernoff_ends(orders, bounds, _LOG_CUT_GRID)
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
    low, high = chernoff_window(log_bound, layer.factor.essential.lowest_moment, _LOG_CUT_GRID)
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
