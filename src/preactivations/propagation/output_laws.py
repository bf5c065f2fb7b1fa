"""The law of the output of a random network [1, n, 1] without sampling noise.

The network of the two-layer study (Wolinski & Arbel, Figure 11, sweep (i)) with input 1:

    z0 = sigma_w w0 + sigma_b b0
    z1_j = sigma_w W_j phi(z0) + sigma_b b1_j                  j = 1..n
    z2 = sigma_w / sqrt(n) sum_j V_j phi(z1_j) + sigma_b b2

Given z0 the n terms are independent, and V is symmetric. With c the characteristic function of V, d the standard
deviation of z2 given z0 (the same for every n), y = z / d and tau = d t / sqrt(n) (derived here):

    psi(tau) = E [ c(sigma_w phi(z1) tau / d) | z0 ]
    D(tau) = psi^n exp(-n sigma_b^2 tau^2 / 2 d^2) - exp(-n tau^2 / 2)
    P(z2 <= z | z0) = Phi(y) + (1/pi) int_0^inf D(tau) sin(sqrt(n) tau y) / tau dtau.

Measuring t in units of 1/d matters: for odd phi, d vanishes with z0, and no common truncation of t would do. All
integrals are sums over fixed nodes (log-spaced in |z0|). An activation with an atom at 0 needs another route, since
psi does not decay: `relu_output_cdf`.

Error of the distribution function, measured: below 3e-4 at n = 1 and 1e-4 from n = 2 on for theta = 10, positive, where
given z0 there is almost an atom and the truncation of tau shows; below 1e-4 and 2e-5 else (tests/library/propagation).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.quadrature import gauss_legendre
from preactivations.real import real_array
from preactivations.relu_law.chain import NormChain
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull, WeightLaw, as_law

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline, PPoly

__all__ = ["output_cdf", "relu_output_cdf"]

Array = NDArray[np.float64]
Map = Callable[[Array], Array]

_TAU_STEP, _TAU_MAX = 0.05, 200.0
_RATIO_STEP = 0.002
_NODES = 120
_WIDEST = 100
_S_TABLE = 300.0
_Y_MAX = 12.0  # in standard deviations: beyond it, given z0, the distribution function is 1
_TINY = 1e-6  # the first neuron lies in (-_TINY, _TINY) with probability 8e-7


def output_cdf(
    z: ArrayLike,
    widths: Sequence[int],
    activation: Map,
    *,
    weights: str | WeightLaw,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
) -> Array:
    """P(z2 <= z) for networks [1, n, 1], for every n of `widths`.

    Parameters
    ----------
    z : array, shape (m,)
    widths : sequence of int
        1 to 100.
    activation : map
        phi, elementwise on float64 arrays, without an atom at 0: P(phi(z1) = 0) = 0.
    weights : str or WeightLaw
        Law of W and V: SymmetricWeibull, Normal or SphericalMarginal(b) with b > 0; w0 is standard normal.
    sigma_w, sigma_b : float, optional
        Scales of weights and biases; 1 and 0 by default.

    Returns
    -------
    array, shape (len(widths), m)

    Raises
    ------
    ValueError
        For a width below 1 or above 100, or an unknown name of a law.
    TypeError
        For another law of weights.

    Examples
    --------
    >>> cdf = output_cdf([0.0, 1.0], [1, 10], np.tanh, weights="normal")
    >>> cdf.shape
    (2, 2)
    """
    _check_widths(widths)
    weights = as_law(weights)
    z = real_array("z", z)
    x, x_weight = _normal_nodes()
    spread = math.hypot(sigma_w, sigma_b)
    a0 = activation(spread * x)
    if np.array_equal(np.abs(a0), np.abs(a0[::-1])):  # odd or even activation: half of the nodes will do
        a0, x_weight = a0[x.size // 2 :], 2 * x_weight[x.size // 2 :]
    w, w_weight = _weight_nodes(weights)
    bias, bias_weight = _normal_nodes() if sigma_b else (np.zeros(1), np.ones(1))
    if isinstance(weights, Normal) and sigma_b:  # W and the bias add to one normal variable
        deviation = np.sqrt((sigma_w * weights.std * a0) ** 2 + sigma_b**2)
        z1, z1_weight = deviation[:, None] * bias, bias_weight
    else:
        z1 = (sigma_w * a0[:, None, None] * w[:, None] + sigma_b * bias).reshape(a0.size, -1)
        z1_weight = (w_weight[:, None] * bias_weight).ravel()
    a1 = np.abs(activation(z1))  # (x, nodes)
    if np.array_equal(a1, a1[:, ::-1]):
        half = a1.shape[1] // 2
        z1_weight = np.append(2 * z1_weight[:half], z1_weight[half : a1.shape[1] - half])
        a1 = a1[:, : z1_weight.size]
    d = np.sqrt(sigma_w**2 * weights.variance * (a1**2 @ z1_weight) + sigma_b**2)
    ratio = sigma_w * a1 / d[:, None]

    tau = np.arange(_TAU_STEP, _TAU_MAX, _TAU_STEP)
    psi = _mean_over_terms(ratio, z1_weight, tau, _characteristic_function(weights))

    from scipy.interpolate import CubicSpline

    out = np.empty((len(widths), z.size))
    y = np.linspace(0, _Y_MAX, 601)
    for k, n in enumerate(widths):
        bias_factor = np.exp(-0.5 * n * np.outer(sigma_b / d, tau) ** 2)
        difference = psi**n * bias_factor - np.exp(-0.5 * n * tau**2)
        used = int(np.max(np.nonzero(np.max(np.abs(difference), axis=0) > 1e-12)[0], initial=0)) + 1
        # trapezoidal rule; the integrand vanishes at tau = 0, where both characteristic functions are 1
        kernel = np.sin(math.sqrt(n) * np.outer(y, tau[:used])) / tau[:used] * (_TAU_STEP / math.pi)
        upper = sc.ndtr(-y)[:, None] - kernel @ difference[:, :used].T  # (y, x): P(z2 > y d | z0)
        interpolant = CubicSpline(y, upper)
        scaled = np.abs(z)[:, None] / d
        tail = np.zeros(z.size)
        for i in range(a0.size):
            inside = scaled[:, i] < _Y_MAX
            tail[inside] += x_weight[i] * _column(interpolant, i)(scaled[inside, i])
        out[k] = np.where(z < 0, tail, 1 - tail)
    return out


def _check_widths(widths: Sequence[int]) -> None:
    if not all(1 <= n <= _WIDEST for n in widths):
        raise ValueError(
            f"widths must be between 1 and {_WIDEST}, for which the grids are fine enough, got {widths}"
        )


def _column(spline: CubicSpline, i: int) -> PPoly:
    from scipy.interpolate import PPoly

    return PPoly.construct_fast(spline.c[:, :, i], spline.x)


def relu_output_cdf(z: ArrayLike, widths: Sequence[int], sigma_w: float = math.sqrt(2)) -> Array:
    """P(z2 <= z) for ReLU networks [1, n, 1] with normal weights and no bias, for every n of `widths`.

    By the law of norms (`relu_law.NormChain`), exact. With K ~ Binomial(n, 1/2) active neurons,
    z2 = sigma_w^3 / sqrt(n) |w0| chi_K N if w0 > 0 and K > 0, else 0: an atom of mass 1/2 + 2^-(n+1) at 0, where the
    value on the right is returned.

    Parameters
    ----------
    z : array, shape (m,)
    widths : sequence of int
        1 to 100 (ValueError else).
    sigma_w : float
        sqrt(2) by default; the weights are N(0, 1).

    Returns
    -------
    array, shape (len(widths), m)
    """
    _check_widths(widths)
    z = real_array("z", z)
    laws = {n: NormChain(1, [1, n], weight_variance=sigma_w**2).law() for n in widths}
    return np.array([laws[n].mixture_cdf(z * math.sqrt(n) / sigma_w) for n in widths])


def _log_nodes() -> tuple[Array, Array]:
    """Positive half of a rule for E f(N), dense next to 0: trapezoidal in log |x|."""
    v = np.linspace(math.log(_TINY), math.log(8.5), _NODES)
    x = np.exp(v)
    weight = x * np.exp(-0.5 * x * x)
    return x, 0.5 * weight / weight.sum()


def _normal_nodes() -> tuple[Array, Array]:
    """`_log_nodes`, both signs."""
    x, weight = _log_nodes()
    return np.concatenate((-x[::-1], x)), np.concatenate((weight[::-1], weight))


def _weight_nodes(weights: WeightLaw) -> tuple[Array, Array]:
    """Nodes and weights of E f(W), both signs, dense next to 0 and, for bounded laws, next to the end."""
    if isinstance(weights, Normal):
        x, weight = _normal_nodes()
        return weights.std * x, weight
    match weights:
        case SymmetricWeibull(theta=theta):
            w, weight = _weibull_nodes(theta, _NODES)
        case SphericalMarginal(b=b) if b > 0:
            # w = sin(angle): f(w) dw = cos(angle)^(2b - 1) d(angle), and 1 - u^m takes the power at the end
            u, weight = gauss_legendre((0, 1), _NODES)
            m = max(1.0, 1 / b)
            gap = u**m  # distance of the angle from pi/2, in units of pi/2
            w = np.cos(0.5 * math.pi * gap)
            weight = weight * m * u ** (m - 1) * np.sin(0.5 * math.pi * gap) ** (2 * b - 1)
        case _:
            raise TypeError(f"no quadrature is known for {weights!r}")
    weight = weight / weight.sum()
    return np.concatenate((-w[::-1], w)), 0.5 * np.concatenate((weight[::-1], weight))


def _weibull_nodes(theta: float, order: int) -> tuple[Array, Array]:
    """Nodes and weights of E f(|W|), dense next to 0, where w = end u^2."""
    u, weight = gauss_legendre((0, 1), order)
    end = 40 ** (1 / theta)
    w = end * u * u
    return w, 2 * end * u * weight * theta * w ** (theta - 1) * np.exp(-(w**theta))


def _mean_over_terms(ratio: Array, weight: Array, tau: Array, c: Map) -> Array:
    """psi(tau) = sum_j weight_j c(ratio_ij tau), shape (len(ratio), len(tau)).

    The law of the ratios is first moved to a uniform grid, by cubic Lagrange interpolation of c(. tau): then c is
    needed on one grid for all rows, and the sum is a matrix product. (Interpolation error of order (0.002 tau)^4.)
    """
    from scipy.sparse import csr_array

    position = ratio / _RATIO_STEP + 1
    left = np.floor(position).astype(np.int64)
    f = position - left
    lagrange = np.stack(
        [
            -f * (f - 1) * (f - 2) / 6,
            (f + 1) * (f - 1) * (f - 2) / 2,
            -(f + 1) * f * (f - 2) / 2,
            (f + 1) * f * (f - 1) / 6,
        ]
    )
    columns = left + np.arange(-1, 3)[:, None, None]
    rows = np.broadcast_to(np.arange(ratio.shape[0])[:, None], columns.shape)
    shape = (ratio.shape[0], int(left.max()) + 3)
    law = csr_array(((lagrange * weight).ravel(), (rows.ravel(), columns.ravel())), shape=shape).toarray()
    grid = np.abs(np.arange(shape[1]) - 1) * _RATIO_STEP  # c is even
    parts = np.array_split(tau, 1 + tau.size * grid.size // 2**20)
    return np.concatenate([law @ c(grid[:, None] * part) for part in parts], axis=1)


def _characteristic_function(weights: WeightLaw) -> Map:
    """s -> E cos(s W), s >= 0: closed form, or a table continued by the power s^-theta."""
    match weights:
        case Normal(std=std):
            return lambda s: np.exp(-0.5 * (std * s) ** 2)
        case SphericalMarginal(b=b):

            def bessel(s: Array) -> Array:  # 0F1(; b + 1/2; -s^2/4)
                half = np.maximum(0.5 * s, 1e-3)
                value = np.exp(sc.gammaln(b + 0.5) - (b - 0.5) * np.log(half)) * sc.jv(b - 0.5, 2 * half)
                return np.where(s < 2e-3, 1 - s * s / (4 * b + 2), value)

            return bessel
        case SymmetricWeibull(theta=theta):
            w, weight = _weibull_nodes(theta, 1200)  # at least pi nodes per period of cos(s w)
            grid = np.linspace(0, _S_TABLE, 12001)
            parts = np.array_split(grid, 24)
            table = np.concatenate([np.cos(np.outer(part, w)) @ weight for part in parts])
            from scipy.interpolate import CubicSpline

            spline = CubicSpline(grid, table, bc_type="clamped")

            def continued(s: Array) -> Array:
                value = spline(np.minimum(s, _S_TABLE))
                return np.asarray(value * (_S_TABLE / np.maximum(s, _S_TABLE)) ** theta)

            return continued
    raise TypeError(f"no characteristic function is known for {weights!r}")
