r"""Kernels of independent symmetric weights without samples, for inputs that share two sums.

Inputs x = c p + s q, y = c' p + s' q with p and q of disjoint support: w.p and w.q are independent sums of weights,
whose laws follow from the characteristic function of one weight by Fourier inversion. For ReLU, h = A + B, g = A - B,
phi(h) phi(g) = (A^2 - B^2) 1{A > abs(B)}, so that with S_A(r) the probability of abs(A) > r

    k = E A^2 / 2 - int_0^inf r S_A(r) S_B(r) dr,

in which no moment of the weights above the second is needed. For smooth phi: a double sum over the densities of both.

Weights with a tail P(|w| > r) ~ C r^(-nu), 2 < nu < 4, have log E exp(i u w) = -u^2/2 + kappa |u|^nu + ..., so that the
first correction to k is linear in kappa sum |x_i|^nu: of order m^(1 - nu/2) for delocalized inputs (derived here).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from preactivations.activations.registry import by_name
from preactivations.kernels.smooth import smooth_kernel
from preactivations.quadrature import gauss_legendre
from preactivations.real import real_array
from preactivations.rows import Iid, IidLaplace, IidRademacher, IidSparse, IidStudent, IidUniform

__all__ = ["characteristic", "relu_error", "relu_tail_correction", "smooth_error", "tail_cumulant"]

Array = NDArray[np.float64]
Transform = Callable[[Array], Array]

_LAST = 60.0  # frequency, where sums of 8 weights have transforms below 1e-12
_WINDOW = 6000.0  # in which survival functions are repeated
_FAR = 2000.0  # end of the integral over r
_WIDE = 14.0  # half of the grid of densities
_POINTS = 561


def characteristic(law: Iid, u: ArrayLike) -> Array:
    """E exp(i u w) of one weight of a symmetric law, real.

    Uniform sin(v)/v with v = sqrt(3) u; signs cos u; Laplace 1/(1 + u^2/2); sparse 1 - p + p exp(-u^2/(2p)); Student's
    t 2^(1 - nu/2) z^(nu/2) K_(nu/2)(z) / Gamma(nu/2) with z = sqrt(nu - 2) |u|.

    Raises
    ------
    ValueError
        For another law.
    """
    u = np.abs(real_array("u", u))
    match law:
        case IidUniform():
            return np.sinc(math.sqrt(3) * u / math.pi)
        case IidRademacher():
            return np.cos(u)
        case IidLaplace():
            return 1 / (1 + u * u / 2)
        case IidSparse():
            return 1 - law.p + law.p * np.exp(-u * u / (2 * law.p))
        case IidStudent():
            order = law.nu / 2
            z = math.sqrt(law.nu - 2) * u
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = order * np.log(z / 2) + np.log(sc.kve(order, z)) - z
            return np.where(z > 0, 2 * np.exp(logs - math.lgamma(order)), 1.0)
    raise ValueError(f"the characteristic function of {law} is not known here: symmetric laws of rows only")


def tail_cumulant(law: IidStudent) -> float:
    """kappa of log E exp(i u w) = -u^2/2 + kappa |u|^nu + ..., 2 < nu < 4.

    Gamma(-nu/2) / Gamma(nu/2) ((nu - 2)/4)^(nu/2), of the Bessel function near 0. ValueError for other nu.
    """
    if not 2 < law.nu < 4:
        raise ValueError(
            f"nu must be between 2 and 4, where the tail comes before the fourth moment, got {law.nu}"
        )
    half = law.nu / 2
    return float(sc.gamma(-half) / sc.gamma(half)) * ((law.nu - 2) / 4) ** half


def relu_error(law: Iid, x: Array, y: Array) -> float:
    """k(x, y) - k_Gauss of ReLU for inputs of norm 1 that are equal in some coordinates and opposite in the others.

    Absolute error about 1e-9, measured against block sums of known laws. At least 8 coordinates of each kind (the
    transform of a sum has to fall).

    Raises
    ------
    ValueError
        For other inputs, and laws that `characteristic` does not know.
    """
    same, opposite = _halves(x, y)
    found, normal = (
        _overlap(*(f(z) for z in (same, opposite)))
        for f in (lambda z: _sum_transform(law, z), lambda z: _normal_transform(float(z @ z)))
    )
    return normal - found


def relu_tail_correction(law: IidStudent, x: Array, y: Array) -> float:
    """First order of `relu_error` in kappa: transforms exp(-|z|^2 t^2 / 2) (1 + kappa sum |z_i|^nu t^nu)."""
    kappa, halves = tail_cumulant(law), _halves(x, y)
    step = 1e-3  # of a central difference: the overlap is bilinear in both corrections

    def moved(sign: float) -> float:
        transforms = []
        for z in halves:
            square, power = float(z @ z), kappa * float((np.abs(z) ** law.nu).sum())
            scale = sign * step / max(abs(kappa), 1e-300)
            transforms.append(
                lambda t, a=square, b=power * scale: np.exp(-a * t * t / 2) * (1 + b * t**law.nu)
            )
        return _overlap(*transforms)

    return -(moved(1.0) - moved(-1.0)) / (2 * step) * abs(kappa)


def smooth_error(law: Iid, activation: str, p: Array, q: Array, angle: float) -> float:
    """k(x, y) - k_Gauss for a smooth activation, x = c p + s q, y = s p + c q, c = cos(pi/4 - angle/2), s = sin of it.

    p and q have norm 1 and disjoint supports of at least 8 coordinates each, so that |x| = |y| = 1 and x.y =
    cos(angle). Absolute error about 1e-10 for weights with exponential tails.

    Raises
    ------
    ValueError
        For other p and q, laws that `characteristic` does not know, and activations with kinks.
    """
    if (np.abs(p) * np.abs(q)).any() or not all(abs(z @ z - 1) < 1e-9 for z in (p, q)):
        raise ValueError("p and q must have norm 1 and no coordinate in common")
    grid = np.linspace(-_WIDE, _WIDE, _POINTS)
    first, second = (_density(_sum_transform(law, z[z != 0]), grid) for z in (p, q))
    turned = math.pi / 4 - angle / 2
    c, s = math.cos(turned), math.sin(turned)
    a, b = grid[:, None], grid[None, :]
    phi = by_name(activation).phi
    values = phi(c * a + s * b) * phi(s * a + c * b)
    return float(first @ values @ second) * (grid[1] - grid[0]) ** 2 - smooth_kernel(activation, angle)


def _halves(x: Array, y: Array) -> tuple[Array, Array]:
    same, opposite = x[np.isclose(x, y) & (x != 0)], x[np.isclose(x, -y) & (x != 0)]
    if same.size + opposite.size != np.count_nonzero(x) or min(same.size, opposite.size) < 8:
        raise ValueError(
            "inputs must be equal in 8 coordinates or more, and opposite in the others, 8 or more"
        )
    return same, opposite


def _normal_transform(square: float) -> Transform:
    return lambda t: np.exp(-square * t * t / 2)


def _sum_transform(law: Iid, a: Array) -> Transform:
    """Of sum a_i w_i. Student's t: its logarithm is smooth in log t, and interpolated."""
    if not isinstance(law, IidStudent):

        def product(t: Array) -> Array:
            found = np.ones_like(t)
            for part in np.array_split(np.abs(a), math.ceil(a.size * t.size / (1 << 22))):
                found = found * characteristic(law, np.multiply.outer(t, part)).prod(axis=1)
            return found

        return product
    log_t = np.linspace(math.log(1e-5), math.log(_LAST), 500)
    logs = np.concatenate(
        [
            np.log(characteristic(law, np.multiply.outer(part, np.abs(a)))).sum(axis=1)
            for part in np.array_split(np.exp(log_t), math.ceil(log_t.size * a.size / (1 << 22)))
        ]
    )
    spline = CubicSpline(log_t, np.log(-logs))

    def interpolated(t: Array) -> Array:
        at = np.maximum(t, 1e-5)
        return np.where(t > 0, np.exp(-np.exp(spline(np.log(at)))), 1.0)

    return interpolated


def _overlap(first: Transform, second: Transform) -> float:
    """int_0^inf r S_A(r) S_B(r) dr, from the transforms of A and B."""
    r, weights = gauss_legendre([*np.linspace(0, 8, 17), *np.geomspace(8, _FAR, 24)[1:]], 16)
    t = np.arange(1, round(_LAST * _WINDOW / (2 * math.pi)), dtype=np.float64) * (2 * math.pi / _WINDOW)
    # S(r) = 1 - (2/pi) int_0^inf sin(r t)/t Phi(t) dt (Gil-Pelaez); the trapezoidal rule repeats it after the window
    transforms = np.stack([f(t) for f in (first, second)], axis=1)
    kept = np.flatnonzero(np.abs(transforms).max(axis=1) > 1e-17)[-1] + 1
    t, transforms = t[:kept], transforms[:kept]
    step = 2 * math.pi / _WINDOW
    inside = np.concatenate(
        [np.sin(np.multiply.outer(part, t)) @ (transforms / t[:, None]) for part in np.array_split(r, 40)]
    )
    survival = 1 - 2 / math.pi * step * (inside + r[:, None] / 2)
    return float(weights @ (r * survival[:, 0] * survival[:, 1]))


def _density(transform: Transform, grid: Array) -> Array:
    """(1/pi) int_0^inf cos(r t) Phi(t) dt, a window of four grids."""
    step = 2 * math.pi / (8 * _WIDE)
    t = np.arange(1, round(_LAST / step), dtype=np.float64) * step
    return (0.5 + np.cos(np.multiply.outer(grid, t)) @ transform(t)) * step / math.pi
