r"""The law of the pre-activations of a layer given the activations that it takes.

Given the activations a_1, ..., a_n of a layer of one network, the pre-activations of the next one,

    z = sigma_w sum_j W_j a_j / sqrt n + sigma_b B,

are independent with one law, since every neuron has weights of its own. It is symmetric, with the cumulants

    s^2      = sigma_b^2 + sigma_w^2 k2 sum a^2 / n                 variance
    l4 s^4   = sigma_w^4 k4 sum a^4 / n^2
    l6 s^6   = sigma_w^6 k6 sum a^6 / n^3

k2, k4, k6 those of a weight. For normal weights it is N(0, s^2). Else, where many neurons share the sum, the expansions
of Edgeworth and of Cornish and Fisher to the order n^-2 hold (Abramowitz & Stegun 26.2.48 and 26.2.49, of a symmetric
law), with He_k the Hermite polynomials, n the normal density, x = z / s:

    P(z <= s x)  = Phi(x) - n(x) [l4 He3(x) / 24 + l6 He5(x) / 720 + l4^2 He7(x) / 1152]
    z / s        = u + l4 (u^3 - 3 u) / 24 + l6 (u^5 - 10 u^3 + 15 u) / 720 - l4^2 (3 u^5 - 24 u^3 + 29 u) / 384,

u standard normal. The error in the distribution function is judged network by network (`Conditional.error`), from
two causes:

* Twice the largest of the next terms, n(x) [l8 He7 / 40320 + l4 l6 He9 / 17280 + l4^3 He11 / 82944], of order n^-3:
  few neurons that make up the sum are seen, at any width. (l4 does not see them: with one neuron that has 20 % of the
  variance among 1000 equal ones the error is 1.6e-4, and .05 |l4|^3 = 2.5e-5.)
* .3 rho^m / sqrt m, where m = (sum a^2)^2 / sum a^4 counts the neurons that take part, and rho = max |E exp(i t W)|
  beyond the main lobe of the characteristic function. Weights that are nearly +-1 times activations that are nearly
  equal (saturated ones) make a sum that is nearly discrete: 30 equal activations with theta = 10 are off by .006.

These are estimates, no bounds. Checked by Fourier inversion on a grid of laws, widths and kinds of activations
(docs/theory/conditioning.md): the error is below the estimate where that is at most 1e-4.

Arrays of NumPy and tensors of PyTorch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.special as sc
from numpy.polynomial.hermite_e import hermeval
from numpy.typing import ArrayLike, NDArray

from preactivations.propagation.statistics import as_numpy
from preactivations.quadrature import gauss_legendre
from preactivations.weights import Normal, SphericalMarginal, WeightLaw

__all__ = ["CHECKED", "Conditional", "Cumulants", "conditional_law", "cumulants", "smooth"]

Array = NDArray[np.float64]

#: Estimates of errors are checked up to here.
CHECKED = 1e-4

# n(x) He_k(x) / divisor of the next terms, at points x that see their maximum; shape (3, points)
_X = np.arange(0.2, 4, 0.2)
_NEXT = (
    np.exp(-0.5 * _X**2)
    / math.sqrt(2 * math.pi)
    * np.stack(
        [hermeval(_X, np.eye(12)[k]) / divisor for k, divisor in ((7, 40320), (9, 17280), (11, 82944))]
    )
)


class Cumulants(NamedTuple):
    """Cumulants k2, k4, k6, k8 of a weight, and rho = max |E exp(i t W)|, t from 2.5 to 15 / sqrt(k2)."""

    k2: float
    k4: float
    k6: float
    k8: float
    rho: float


def cumulants(law: WeightLaw) -> Cumulants:
    """Cumulants of a weight, from its moments. ValueError for a law without an eighth moment."""
    if isinstance(law, Normal):
        return Cumulants(law.variance, 0.0, 0.0, 0.0, 0.0)
    m2, m4, m6, m8 = (law.moment(s) for s in (2, 4, 6, 8))
    if not math.isfinite(m8):
        raise ValueError(
            f"weights must have a finite eighth moment, by which expansions are judged, got {law!r}"
        )
    return Cumulants(
        m2,
        m4 - 3 * m2**2,
        m6 - 15 * m4 * m2 + 30 * m2**3,
        m8 - 28 * m6 * m2 - 35 * m4**2 + 420 * m4 * m2**2 - 630 * m2**4,
        _rho(law, math.sqrt(m2)),
    )


def _rho(law: WeightLaw, deviation: float) -> float:
    """E exp(i t W) = 1 - t int_0^inf sin(t w) P(|W| > w) dw, from 2.5 to 15 deviations."""
    w, weight = gauss_legendre(np.linspace(0, 12 * deviation, 49), 16)
    t = np.linspace(2.5, 15, 251) / deviation
    return float(np.abs(1 - t * (np.sin(np.outer(t, w)) @ (weight * law.survival(w)))).max())


def smooth(law: WeightLaw) -> bool:
    """Whether the expansions can hold: not for random signs, whose sums are discrete."""
    return not (isinstance(law, SphericalMarginal) and law.b == 0)


@dataclass(frozen=True)
class Conditional:
    """The law of the pre-activations of one layer, given its activations, in each of many networks.

    Attributes
    ----------
    s : array, shape (networks,)
        Standard deviation.
    l4, l6 : array, shape (networks,)
        Standardized cumulants, 0 where s is.
    error : array, shape (networks,)
        Estimate from above of the error of the expansions in the distribution function; 0 for normal laws, infinite in
        layers too narrow for them.
    """

    s: Any
    l4: Any
    l6: Any
    error: Any

    def take(self, networks: Any) -> Conditional:
        """Of some of the networks (a slice or a mask), as arrays."""
        return Conditional(*(as_numpy(x)[networks] for x in (self.s, self.l4, self.l6, self.error)))

    def cdf(self, z: ArrayLike) -> Array:
        """P(. <= z) by Edgeworth's expansion, z >= 0, shape (networks, len(z)); 1 where s = 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.asarray(z) / self.s[:, None]
        x[self.s == 0] = np.inf
        found = sc.ndtr(x)
        if np.any(self.l4) or np.any(self.l6):
            x = np.minimum(x, 40.0)  # where the density is 0
            l4, l6 = self.l4[:, None], self.l6[:, None]
            w = x * x
            he3, he5 = x * (w - 3), x * ((w - 10) * w + 15)
            he7 = x * (((w - 21) * w + 105) * w - 105)
            density = np.exp(-0.5 * w) / np.sqrt(2 * np.pi)
            found -= density * (l4 * he3 / 24 + l6 * he5 / 720 + l4**2 * he7 / 1152)
        return np.asarray(found)

    def quantile_coefficients(self) -> tuple[Any, Any, Any]:
        """(A, B, C) with z = A u + B u^3 + C u^5 for a normal u, shape (networks,) each."""
        l4, l6, s = self.l4, self.l6, self.s
        square = l4 * l4 / 384
        return (
            s * (1 - l4 / 8 + l6 / 48 - 29 * square),
            s * (l4 / 24 - l6 / 72 + 24 * square),
            s * (l6 / 720 - 3 * square),
        )


def conditional_law(a: Any, weight: Cumulants, sigma_w: float = 1.0, sigma_b: float = 0.0) -> Conditional:
    """The law of the next pre-activations, of each network.

    Parameters
    ----------
    a : array or tensor, shape (networks, n)
        Activations.
    weight : Cumulants
        Of a weight.
    sigma_w, sigma_b : float, optional
        Scales of weights and biases; 1 and 0 by default.

    Returns
    -------
    Conditional
        float64.
    """
    squares = a * a
    scale = sigma_w**2 * weight.k2 / a.shape[1]
    sums = _sum(squares)
    if a.dtype.itemsize < 8 and bool((sums < 1e-30).any()):  # squares below 1e-38 lose digits
        return conditional_law(_double(a), weight, sigma_w, sigma_b)
    variance = sums * scale + sigma_b**2
    s = variance**0.5
    if weight.k4 == weight.k6 == weight.k8 == 0:
        return Conditional(s, 0 * s, 0 * s, 0 * s)
    # shares of the variance: their powers neither overflow nor vanish
    squares *= _like(scale / (variance + (variance == 0)), squares)[:, None]
    powers = squares * squares
    l4 = _sum(powers) * (weight.k4 / weight.k2**2)
    l6 = _sum(powers * squares) * (weight.k6 / weight.k2**3)
    if _discrete(weight.rho, a.shape[1]) > CHECKED:  # m is at most the width
        return Conditional(s, l4, l6, 0 * s + math.inf)
    l8 = _sum(powers * powers) * (weight.k8 / weight.k2**4)
    shares, partaking = _sum(squares), _sum(powers)
    partaking = shares**2 / (partaking + (partaking == 0))
    largest = _largest([l8, l4 * l6, l4**3])
    return Conditional(s, l4, l6, 2 * largest + _discrete(weight.rho, partaking))


def _discrete(rho: float, partaking: Any) -> Any:
    """Error of a sum of so many neurons that is nearly discrete; as if there were one where there are none."""
    return 0.3 * rho**partaking / (partaking + (partaking == 0)) ** 0.5


def _largest(factors: list[Any]) -> Any:
    """Over x of the sum of the next terms."""
    if isinstance(factors[0], np.ndarray):
        return np.abs(np.stack(factors, 1) @ _NEXT).max(1)
    import torch

    return (torch.stack(factors, 1) @ torch.tensor(_NEXT, device=factors[0].device)).abs().amax(1)


def _double(x: Any) -> Any:
    return x.astype(np.float64) if isinstance(x, np.ndarray) else x.double()


def _sum(x: Any) -> Any:
    """Over the neurons, in float64."""
    return x.sum(1, dtype=np.float64) if isinstance(x, np.ndarray) else x.double().sum(1)


def _like(x: Any, other: Any) -> Any:
    return x.astype(other.dtype) if isinstance(other, np.ndarray) else x.to(other.dtype)
