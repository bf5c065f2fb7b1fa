"""The exact law of the signal in ReLU networks with normal weights and biases, at any width and depth.

A layer is x' = phi(W x + b), W_ij ~ N(0, v), b_i ~ N(0, sigma_b^2), phi linear, ReLU or leaky ReLU. It sees its input
only through s^2 = v |x|^2 + sigma_b^2: squared norms q = |x|^2 are a Markov chain in depth, q' = s^2 Q, with Q the law
of `NormFactor`. No limit of infinite width is taken (Burkholz & Dubatovka 2019; formulas derived here).

Arguments
---------
q0 : float, optional
    |x_0|^2, finite and > 0, or 0 where the first layer has a bias (ValueError else); 1 by default.
slope : float, optional
    phi(h) = slope * h for h < 0: 0 (the default) is ReLU, 1 the identity; else 1e-6 to 1e6 in absolute value.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.real import real_array
from preactivations.relu_law.grid_laws import propagated_law
from preactivations.relu_law.layers import Layer, per_layer, sizes_of, weight_variances
from preactivations.relu_law.norm_factor import LogMoments, NormFactor
from preactivations.relu_law.norm_laws import NormLaw, fourier_law

__all__ = ["NormChain"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_PAIRS = 1 << 19  # pairs of pre-activations at once


def _is_natural(p: float) -> bool:
    return p >= 0 and p == math.floor(p)  # not NaN


class NormChain:
    """The chain of squared norms q_0, q_1, ..., q_L of one input. For q0 and slope see the module.

    Parameters are kept as `inputs`, `widths` (a tuple) and `slope`; each of `layers` has its `NormFactor` as
    `factor`, v and b = sigma_b^2.

    Parameters
    ----------
    inputs : int
        Dimension of x_0.
    widths : sequence of int
        n_1, ..., n_L.
    slope : float, optional
    weight_variance : float or sequence of float, optional
        v of each layer; by default He's, `he_variance(n_{l-1}, slope)`.
    bias_variance : float or sequence of float, optional
        sigma_b^2 of each layer; 0 by default.

    Raises
    ------
    ValueError, TypeError
        For sizes below 1 or no integers, no layers, slope or variances out of range, sequences of another
        length.

    Examples
    --------
    >>> chain = NormChain(100, [100] * 50)
    >>> round(float(chain.moment(1)), 9)  # as in mean field
    1.0
    >>> round(chain.log_moments().mean, 3), round(chain.law().ppf(0.5).item(), 3)  # but most networks lose it
    (-1.271, 0.284)
    """

    def __init__(
        self,
        inputs: int,
        widths: Sequence[int],
        *,
        slope: float = 0.0,
        weight_variance: float | Sequence[float] | None = None,
        bias_variance: float | Sequence[float] = 0.0,
    ) -> None:
        sizes = sizes_of(inputs, widths)
        factors = {width: NormFactor(width, slope) for width in dict.fromkeys(sizes[1:])}
        variances = weight_variances(weight_variance, sizes, slope)
        biases = per_layer(bias_variance, len(sizes) - 1, "bias_variance")
        for b in biases:
            if not (b >= 0 and math.isfinite(b)):
                raise ValueError(f"bias_variance must be finite and >= 0, got {b}")
        self.inputs, self.widths, self.slope = sizes[0], tuple(sizes[1:]), float(slope)
        # equal layers are one object, whose work is done once
        kinds: dict[tuple[int, float, float], Layer] = {}
        self.layers = [
            kinds.setdefault((n, v, b), Layer(factors[n], v, b))
            for n, v, b in zip(sizes[1:], variances, biases, strict=True)
        ]

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.layers)

    def first(self, depth: int) -> NormChain:
        """The chain of the first layers: their work is done once. ValueError for a depth not in 1..`depth`."""
        if not 1 <= depth <= self.depth:
            raise ValueError(f"depth must be between 1 and {self.depth}, got {depth}")
        head = copy.copy(self)
        head.widths, head.layers = self.widths[:depth], self.layers[:depth]
        return head

    @property
    def has_bias(self) -> bool:
        """Whether sigma_b > 0 in any layer."""
        return any(layer.b > 0 for layer in self.layers)

    def survival_probability(self, q0: float = 1.0) -> float:
        """P(q_L > 0): 1 - 2^-n in a layer with bias or a living input; without bias a dead one stays dead.

        1 for slopes other than 0.
        """
        self._check_norm(q0)
        return math.exp(self._log_alive(q0))

    def _log_alive(self, q0: float) -> float:
        log_alive = 0.0 if q0 > 0 else -math.inf
        for layer in self.layers:
            log_alive = (0.0 if layer.b > 0 else log_alive) + math.log1p(-layer.factor.atom)
        return log_alive

    def log_moments(self, q0: float = 1.0) -> LogMoments:
        """Mean and variance of log q_L given q_L > 0; without biases in closed form, else from the law."""
        self._check_norm(q0)
        if self.has_bias:
            return self.law(q0).log_moments()
        found = [(layer, count, layer.factor.log_moments()) for layer, count in self._counts()]
        mean = math.fsum(count * (math.log(layer.v) + of_q.mean) for layer, count, of_q in found)
        return LogMoments(math.log(q0) + mean, math.fsum(count * of_q.variance for _, count, of_q in found))

    def moment(self, p: ArrayLike, q0: float = 1.0) -> Array:
        """E[q_L^p; q_L > 0], in the shape of p; infinite for p <= -1/2 (ReLU) or -n/2, and beyond 1e308.

        Exact for any real p without biases, and for natural p with them; for other p see `NormLaw.moment`.

        Raises
        ------
        ValueError
            For another p with biases, or NaN.
        """
        with np.errstate(over="ignore"):
            return np.exp(self.log_moment(p, q0))

    def log_moment(self, p: ArrayLike, q0: float = 1.0) -> Array:
        """Logarithm of `moment`; arguments and errors are the same."""
        self._check_norm(q0)
        p = real_array("p", p)
        if not self.has_bias:
            shift = p * math.log(q0)
            return sum((n * (p * math.log(k.v) + k.factor.log_moment(p)) for k, n in self._counts()), shift)
        found = [self._log_moment_with_bias(float(order), q0) for order in p.ravel()]
        return np.array(found).reshape(p.shape)[()]

    def _log_moment_with_bias(self, p: float, q0: float) -> float:
        if not _is_natural(p):
            raise ValueError(f"with biases p must be 0, 1, 2, ..., got {p:g}: see `law().moment`")
        p = int(p)
        log_m = [k * math.log(q0) if q0 > 0 else -math.inf for k in range(p + 1)]
        binomials = [[math.log(math.comb(k, j)) for j in range(k + 1)] for k in range(p + 1)]
        for layer in self.layers:
            log_v, log_b = math.log(layer.v), math.log(layer.b) if layer.b > 0 else -math.inf
            # a dead network counts in the moment of order 0 of a layer with bias
            start = [0.0 if layer.b > 0 else log_m[0], *log_m[1:]]
            log_m = [
                float(layer.factor.log_moment(k))
                + float(
                    sc.logsumexp(
                        [
                            binomials[k][j] + j * log_v + start[j] + (log_b * (k - j) if j < k else 0.0)
                            for j in range(k + 1)
                        ]
                    )
                )
                for k in range(p + 1)
            ]
        return log_m[p]

    def law(self, q0: float = 1.0) -> NormLaw:
        """Law of q_L from |x_0|^2 = q0.

        Without biases log q_L is a sum of independent terms with known characteristic functions, whose Fourier series
        is summed: exact up to rounding (1e-13 of the probability to be alive). With biases the transfer operator is
        applied on a grid in log q (relative error below 1e-6, far tails included). Both take time for each *different*
        layer, about 10 and 100 ms at width 1 000; a second between layers of very different widths.

        Raises
        ------
        ValueError
            For q0 that is not finite, negative, or 0 where the first layer has no bias; with biases, for a law too wide
            for a grid.
        """
        self._check_norm(q0)
        if self.has_bias:
            on_grid = propagated_law(self.layers, q0)
            on_grid._exact = lambda p: self._log_moment_with_bias(p, q0) if _is_natural(p) else None
            return on_grid
        log_q0, counts = math.log(q0), self._counts()

        def log_mellin(p: Complex) -> Complex:
            total = p * log_q0
            for layer, count in counts:
                total = total + count * (layer.factor.essential.log_mellin(p) + p * math.log(layer.v))
            return total

        def log_moment(p: float) -> float:
            each = (n * (p * math.log(k.v) + float(k.factor.essential.log_moment(p))) for k, n in counts)
            return p * log_q0 + math.fsum(each)

        lowest = max(layer.factor.essential.lowest_moment for layer in self.layers)
        law = fourier_law(self._log_alive(q0), log_moment, log_mellin, lowest)
        law._exact = lambda p: float(self.log_moment(p, q0))
        return law

    def sample(self, size: int, rng: np.random.Generator, q0: float = 1.0, *, path: bool = False) -> Array:
        """Independent draws of q_L, shape (size,), or of q_0, ..., q_L, shape (L + 1, size), with `path`.

        Chains of norms: O(1) per layer, whatever the width. `sample_log` does not underflow. 0 where dead.
        """
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(self.sample_log(size, rng, q0, path=path))

    def sample_log(
        self, size: int, rng: np.random.Generator, q0: float = 1.0, *, path: bool = False
    ) -> Array:
        """log q, -inf for dead networks; as `sample`."""
        self._check_norm(q0)
        y = np.full(size, math.log(q0) if q0 > 0 else -math.inf)
        found = [y]
        for layer in self.layers:
            with np.errstate(divide="ignore"):
                y = layer.log_s2(y) + np.log(layer.factor.sample(size, rng))
            if path:
                found.append(y)
        return np.stack(found) if path else y

    def sample_angles(self, size: int, rng: np.random.Generator, angle: float) -> Array:
        """Angle of two inputs of norm 1 against depth, in independent networks, shape (L + 1, size).

        Given their Gram matrix G the n pairs (h_i, g_i) of a layer are independent N(0, v G + sigma_b^2 1 1'), so that
        no weight matrix is drawn. Angles keep their relative accuracy however small they get. NaN from the layer on
        that is dead for one input. Row 0 is `angle`; ValueError for one outside [0, pi].
        """
        if not 0 <= angle <= math.pi:
            raise ValueError(f"angle must be in [0, pi], got {angle}")
        found = np.empty((self.depth + 1, size))
        step = max(1, _PAIRS // max(self.widths))  # so that draws do not depend on memory
        for start in range(0, size, step):
            found[:, start : start + step] = self._angles(min(step, size - start), rng, angle)
        return found

    def _angles(self, size: int, rng: np.random.Generator, angle: float) -> Array:
        found = np.full((self.depth + 1, size), float(angle))
        # |x|^2, |y|^2, their product, sin^2 of the angle, |x - y|^2
        xx, yy = np.ones(size), np.ones(size)
        sin, cos = np.full(size, math.sin(angle)), np.full(size, math.cos(angle))
        apart = np.full(size, 4 * math.sin(angle / 2) ** 2)
        for k, layer in enumerate(self.layers):
            v, b = (layer.v, layer.b) if self.has_bias else (1.0, 0.0)
            s_x, s_y = np.sqrt(v * xx + b), np.sqrt(v * yy + b)
            size_xy = np.sqrt(xx) * np.sqrt(yy)
            # of the pre-activations: determinant v^2 |x|^2 |y|^2 sin^2 + v b |x - y|^2, off-diagonal v <x, y> + b
            between = np.arctan2(np.hypot(v * size_xy * sin, np.sqrt(v * b * apart)), v * size_xy * cos + b)
            z, other = rng.standard_normal((2, size, layer.factor.width))
            # g/s_y - h/s_x without cancellation
            lag = -2 * np.sin(between / 2)[:, None] ** 2 * z + np.sin(between)[:, None] * other
            g = z + lag
            x = np.where(z > 0, z, self.slope * z)
            same = (z > 0) == (g > 0)
            phi_g = np.where(g > 0, g, self.slope * g)
            d = np.where(same, np.where(z > 0, lag, self.slope * lag), phi_g - x)
            y = x + d
            x2, y2 = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
            with np.errstate(divide="ignore", invalid="ignore"):
                along = np.einsum("ij,ij->i", x, d) / x2
                across = d - along[:, None] * x
                after = np.arctan2(np.sqrt(np.einsum("ij,ij->i", across, across)), (1 + along) * np.sqrt(x2))
                after = np.where((x2 > 0) & (y2 > 0), after, np.nan)
            found[k + 1] = after
            sin, cos = np.sin(after), np.cos(after)
            if self.has_bias:
                away = (s_x - s_y)[:, None] * x - s_y[:, None] * d
                xx, yy, apart = s_x**2 * x2, s_y**2 * y2, np.einsum("ij,ij->i", away, away)
        return found

    def output_kurtosis(self) -> float:
        """E h^4 / (E h^2)^2 of a pre-activation after the last layer: 3 prod(1 + 5/n_l) for ReLU without bias.

        It is a Gaussian scale mixture, h ~ N(0, v q_L). With biases: of an input with q0 = 1.
        """
        with np.errstate(over="ignore"):
            return float(3 * np.exp(self.log_moment(2) - 2 * self.log_moment(1)))

    def output_ks(self) -> float:
        """sup |P(h <= x sd h) - Phi(x)| of a pre-activation after the last layer, sd h its deviation; q0 = 1.

        Distance from the normal law of its own variance, whatever the weights that follow (`NormLaw.mixture_cdf`). An
        atom at 0, of dead networks, counts. To 1e-6.
        """
        law, deviation = self.law(), math.sqrt(float(self.moment(1)))
        # from 0, where an atom is, over many octaves, then closely about the largest difference
        x = np.append(0.0, np.geomspace(2.0**-24, 2.0**8, 257))
        for _ in range(2):
            difference = np.abs(law.mixture_cdf(x * deviation) - sc.ndtr(x))
            k = int(np.argmax(difference))
            x = np.linspace(x[max(k - 1, 0)], x[min(k + 1, x.size - 1)], 65)
        return float(difference.max())

    def _check_norm(self, q0: float) -> None:
        if not (q0 >= 0 and math.isfinite(q0)):
            raise ValueError(f"q0 must be finite and >= 0, got {q0}")
        if q0 == 0 and self.layers[0].b == 0:
            raise ValueError("q0 must be > 0, or the first layer have a bias: got 0")

    def _counts(self) -> list[tuple[Layer, int]]:
        counts: dict[int, tuple[Layer, int]] = {}
        for layer in self.layers:
            counts[id(layer)] = (layer, counts.get(id(layer), (layer, 0))[1] + 1)
        return list(counts.values())
