"""Closed forms and high-precision values, computed by other routes than the library's.

Everything here uses mpmath, a closed form or drawn matrices, and none of the library's own code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import mpmath as mp
import numpy as np


class Law(NamedTuple):
    """P(|Y| > y) and the density of |Y|, as mpmath numbers."""

    sf: mp.mpf
    pdf: mp.mpf


# -- the factor of Weibull weights -----------------------------------------------------------------


def factor_by_series(theta: float, y: float, digits: int = 40) -> Law:
    """The Wright-function series, summed with as many digits as its cancellation asks for."""
    with mp.workdps(digits + 10):
        q = mp.mpf(y) ** 2 / 2
        nu = 2 / mp.mpf(theta)
        # terms grow up to about exp((1 - nu) (nu^nu q)^(1/(1 - nu)))
        growth = (1 - nu) * (nu**nu * q) ** (1 / (1 - nu)) / mp.log(10)
    if growth > 3000:
        raise ValueError("the series is hopeless here")
    with mp.workdps(digits + 20 + 2 * int(growth)):
        y, theta = mp.mpf(y), mp.mpf(theta)
        q = y**2 / 2
        f = F = mp.mpf(0)
        power, k = mp.mpf(1), 0
        while True:
            term = power * mp.rgamma(1 - (2 * k + 1) / theta)
            f += term
            F += term * y / (2 * k + 1)
            k += 1
            power *= -q / k
            bound = abs(power) * abs(mp.gamma(2 * (k + 1) / theta + 1))
            if bound < mp.mpf(10) ** (-digits - int(growth) - 10):
                break
        c = mp.sqrt(2 / mp.pi)
        return Law(+(1 - c * F), +(c * f))


def factor_by_contour(theta: float, y: float, digits: int = 30) -> Law:
    """Inverse Laplace transforms (theory/pairs.md) on a parabola, plain trapezoidal rule, halved to convergence."""
    with mp.workdps(digits + 30):
        y, theta = mp.mpf(y), mp.mpf(theta)
        nu, q = 2 / theta, y**2 / 2
        s0 = (nu * q) ** (1 / (1 - nu))
        mu = s0 + mp.sqrt(2 * s0 / (1 - nu)) / 2 + mp.mpf(1)
        scale = mp.exp(-(s0 - q * s0**nu))

        def integrand(u: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
            s = mu * (1 + 1j * u) ** 2
            ds = 2 * mu * (1 + 1j * u)  # ds / (i du)
            return (
                mp.re(mp.exp(s) * mp.erfc(y * s ** (1 / theta) / mp.sqrt(2)) / s * ds),
                mp.re(mp.exp(s - q * s**nu) * s ** (1 / theta - 1) * ds),
            )

        def total(start: mp.mpf, h: mp.mpf) -> list[mp.mpf]:
            sums, u = [mp.mpf(0), mp.mpf(0)], start
            while True:
                terms = integrand(u)
                sums = [a + b for a, b in zip(sums, terms, strict=True)]
                if u > h * 8 and all(
                    abs(t) < abs(a) * mp.mpf(10) ** (-digits - 5) for t, a in zip(terms, sums, strict=True)
                ):
                    return sums
                u += h

        del scale
        h = mp.mpf(1) / 8 / mp.sqrt(1 + mu * (1 - nu))
        half = [t / 2 for t in integrand(mp.mpf(0))]
        sums = [a + b for a, b in zip(half, total(h, h), strict=True)]
        value = [h * s / mp.pi for s in sums]
        for _ in range(8):
            extra = total(h / 2, h)
            sums = [a + b for a, b in zip(sums, extra, strict=True)]
            h /= 2
            new = [h * s / mp.pi for s in sums]
            done = all(abs(a - b) < abs(b) * mp.mpf(10) ** -digits for a, b in zip(value, new, strict=True))
            value = new
            if done:
                return Law(value[0], mp.sqrt(2 / mp.pi) * value[1])
        raise ArithmeticError(f"no convergence at theta={theta}, y={y}")


def factor_sf_by_double_integral(theta: float, y: float, nodes: int = 200) -> float:
    """Mean over u and v of a positive integrand (Zolotarev, Kanter), by Gauss-Legendre in both.

    For theta not too close to 2, where the integrand is nearly a step.
    """
    nu = 2 / theta
    t, w = np.polynomial.legendre.leggauss(nodes)
    t, w = (t + 1) / 2, w / 2
    u, v = (np.pi / 2 * t)[:, None], (np.pi * t)[None, :]
    log_a = (nu * np.log(np.sin(nu * v)) + (1 - nu) * np.log(np.sin((1 - nu) * v)) - np.log(np.sin(v))) / (
        1 - nu
    )
    log_r = np.log(y / (np.sqrt(2) * np.cos(u))) * 2 / (1 - nu)
    return float(w @ np.exp(-np.exp(np.minimum(log_a + log_r, 700.0))) @ w)


def arcsine_law(y: float) -> Law:
    """theta = 2."""
    y = mp.mpf(y)
    return Law(2 / mp.pi * mp.acos(y / mp.sqrt(2)), 2 / mp.pi / mp.sqrt(2 - y**2))


def chi_law(b: float, y: float) -> Law:
    """The factor of spherical weights: chi with 1 + 2b degrees of freedom."""
    a, y = mp.mpf(b) + mp.mpf(1) / 2, mp.mpf(y)
    sf = mp.gammainc(a, y**2 / 2, mp.inf, regularized=True)
    return Law(sf, 2 ** (1 - a) / mp.gamma(a) * y ** (2 * a - 1) * mp.exp(-(y**2) / 2))


# -- activations -----------------------------------------------------------------------------------


def normal_sf(x: float) -> mp.mpf:
    return mp.erfc(mp.mpf(x) / mp.sqrt(2)) / 2


def quantile_error(law: Callable[[float], Law], y: float, p: mp.mpf) -> float:
    """Relative error of y as the solution of P(|Y| > y) = p, to first order."""
    at = law(y)
    return float((p - at.sf) / (at.pdf * mp.mpf(y)))


# -- images --------------------------------------------------------------------------------------


def cluster_images(parts=(400, 100, 100)):
    """Ten clusters of noisy 4 x 4 images with their labels, one (images, labels) per part."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((10, 1, 4, 4))
    found = []
    for n in parts:
        labels = rng.integers(0, 10, n)
        images = centres[labels] + 0.3 * rng.standard_normal((n, 1, 4, 4))
        found.append((images.astype(np.float32), labels))
    return found


def real_networks(chain, size, rng, inputs):
    """Squared norms after each layer of networks with drawn matrices: the definition, no law of norms."""
    x = np.broadcast_to(inputs, (size, len(inputs), inputs.shape[-1]))
    found = []
    for layer in chain.layers:
        w = rng.standard_normal((size, layer.factor.width, x.shape[-1])) * math.sqrt(layer.v)
        b = rng.standard_normal((size, 1, layer.factor.width)) * math.sqrt(layer.b)
        h = x @ w.transpose(0, 2, 1) + b
        x = np.where(h > 0, h, chain.slope * h)
        found.append(x)
    return found
