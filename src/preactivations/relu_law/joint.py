"""The joint law of the units of a layer: given the norm of the layer before they are independent and normal.

The pre-activations of one input are h_i = s z_i, i = 1..n, with independent z_i ~ N(0, 1) and one common scale
s^2 = v |x|^2 + sigma_b^2, x the layer before: a Gaussian scale mixture, whose directions are uniform on the sphere. The
units share s, and so they are dependent wherever s is random: from the second layer on (derived here).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.real import real_array
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.norm_laws import NormLaw

__all__ = ["JointLaw", "UnitCovariances"]

Array = NDArray[np.float64]

_FEWEST, _PER_UNIT = 512, 16  # points of the trapezoidal rule in log q
_BLOCK = 1 << 20


class UnitCovariances(NamedTuple):
    """Covariances of two units i != j of a layer, x = phi(h).

    Attributes
    ----------
    pre_squares : float
        Cov(h_i^2, h_j^2) = Var(s^2).
    outputs : float
        Cov(x_i, x_j) = (1 - a)^2 Var(s) / (2 pi) for slope a.
    output_squares : float
        Cov(x_i^2, x_j^2) = ((1 + a^2) / 2)^2 Var(s^2).
    """

    pre_squares: float
    outputs: float
    output_squares: float


class JointLaw:
    """Joint law of the pre-activations of the last layer of a `NormChain`, for one input.

    Parameters
    ----------
    chain : NormChain
    q0 : float, optional
        |x_0|^2, as for `NormChain`.

    Attributes
    ----------
    units : int
        n of the last layer. The formulas hold for any number of units: a wider layer has the same scale s.
    atom : float
        P(s = 0): the layer before is dead and the last one has no bias.

    Raises
    ------
    ValueError
        As for `NormChain.law`.

    Examples
    --------
    >>> law = JointLaw(NormChain(10, [10, 10]))  # s^2 = |x_1|^2 / 5, and Var |x_1|^2 = 5 / 10
    >>> round(law.covariances().pre_squares, 12)
    0.02
    """

    def __init__(self, chain: NormChain, q0: float = 1.0) -> None:
        chain._check_norm(q0)
        last = chain.layers[-1]
        self.units, self._slope, self._q0 = chain.widths[-1], chain.slope, q0
        self._v, self._b = last.v, last.b
        self._head = chain.first(chain.depth - 1) if chain.depth > 1 else None
        self.atom = 0.0
        if self._head is None:
            self._log_s, self._mass = np.array([0.5 * math.log(self._v * q0 + self._b)]), np.ones(1)
            return
        law = self._head.law(q0)
        y, mass = _trapezoidal(law)
        self._log_s, self._mass = 0.5 * last.log_s2(y), law.alive * mass
        if self._b == 0:
            self.atom = law.atom
        elif law.atom > 0:
            self._log_s = np.append(self._log_s, 0.5 * math.log(self._b))
            self._mass = np.append(self._mass, law.atom)

    def scale_moment(self, p: float) -> float:
        """E[s^p; s > 0]: exact for p = 0, 2, 4, ..., and for real p without biases; else by quadrature, to 1e-6.

        Infinite where the moment of the norm is. ValueError for a p that is not finite.
        """
        p = float(p)
        if not math.isfinite(p):
            raise ValueError(f"the order p of a moment must be finite, got {p}")
        v, b, head = self._v, self._b, self._head
        if head is None:
            return (v * self._q0 + b) ** (p / 2)
        if p >= 0 and p % 2 == 0:
            k = int(p) // 2
            if b == 0:
                return float(v**k * head.moment(k, self._q0))
            # a dead layer before counts in the term of order 0
            terms = [1.0, *(float(head.moment(j, self._q0)) for j in range(1, k + 1))]
            return math.fsum(math.comb(k, j) * v**j * b ** (k - j) * m for j, m in enumerate(terms))
        if b == 0:
            return float(v ** (p / 2) * head.law(self._q0).moment(p / 2))
        return float(self._mass @ np.exp(p * self._log_s))

    def covariances(self) -> UnitCovariances:
        """Covariances of two units; 0 in the first layer, where s is a constant."""
        if self._head is None:
            return UnitCovariances(0.0, 0.0, 0.0)
        second = self.scale_moment(2)
        of_scale = second - self.scale_moment(1) ** 2
        of_square = self.scale_moment(4) - second**2
        a = self._slope
        return UnitCovariances(
            of_square, (1 - a) ** 2 * of_scale / (2 * math.pi), ((1 + a * a) / 2) ** 2 * of_square
        )

    def pdf(self, h: ArrayLike) -> Array:
        """Density of k pre-activations at `h`, shape (..., k): E (2 pi s^2)^(-k/2) exp(-|h|^2 / (2 s^2)).

        Shape (...). Its integral is 1 - `atom`. Relative error 1e-12 without biases (measured against Meijer-G laws),
        1e-6 with them, as of `NormChain.law`; at h = 0, where E s^-k can be infinite, only the part of it that the
        window of `NormLaw` holds. ValueError for a scalar, NaN for NaN.
        """
        h = real_array("h", h)
        if h.ndim == 0:
            raise ValueError("h must have the units along its last axis, got a scalar")
        k = h.shape[-1]
        square = np.square(h).sum(axis=-1)
        constant = -0.5 * k * math.log(2 * math.pi)

        def density(x: Array) -> Array:
            with np.errstate(over="ignore", under="ignore"):
                exponent = constant - k * self._log_s - 0.5 * x[:, None] * np.exp(-2 * self._log_s)
                return np.exp(exponent)

        return self._mixed(square, density)

    def cdf_of_largest(self, t: ArrayLike, units: int | None = None) -> Array:
        """P(h_1 <= t, ..., h_k <= t) = E Phi(t / s)^k for k = `units`, by default all of the layer; elementwise.

        By symmetry P(all k units > t) is its value at -t (less `atom` at t = 0). To 1e-11, with biases
        1e-6. ValueError for units < 1.
        """
        k = self.units if units is None else operator.index(units)
        if k < 1:
            raise ValueError(f"units must be at least 1, got {units}")
        t = real_array("t", t)

        def below(x: Array) -> Array:
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                ratio = x[:, None] * np.exp(-self._log_s)
                return np.asarray(sc.ndtr(np.where(x[:, None] == 0, 0.0, ratio)) ** k)

        return self.atom * (t >= 0) + self._mixed(t, below)

    def _mixed(self, x: Array, given: Callable[[Array], Array]) -> Array:
        """Mean over the law of s of `given`, a map from shape (m,) to (m, number of scales)."""
        flat = x.ravel()
        found = np.empty(flat.size)
        step = max(1, _BLOCK // self._log_s.size)
        for start in range(0, flat.size, step):
            part = slice(start, start + step)
            found[part] = given(flat[part]) @ self._mass
        return found.reshape(x.shape)


def _trapezoidal(law: NormLaw) -> tuple[Array, Array]:
    """Points of log q and their masses given q > 0: the density is smooth and has vanished at the ends."""
    size = max(_FEWEST, math.ceil(_PER_UNIT * (law.high - law.low)))
    y = np.linspace(law.low, law.high, size)
    mass = np.maximum(law.pdf_of_log(y), 0)
    return y, mass / mass.sum()
