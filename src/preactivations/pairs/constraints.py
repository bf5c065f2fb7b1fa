"""What a pair (weight law, activation) must satisfy so that W phi(X) is N(0, 1), and which pairs do.

====  =========================================  ===========================================================
key   constraint                                 how it is checked
====  =========================================  ===========================================================
a     W phi(X) is normal                         sup |P(W phi(X) <= z) - Phi(z)|, by quadrature over X, no samples
b     P(phi(X) = 0) = 0                          probability of the zeros on the quadrature nodes
c     f_W and f_Y not both positive at 0         exponents of P(|W| < h) and P(|Y| < h) as h -> 0: not both <= 1,
                                                 or the density of W Y would be infinite at 0
d     1/theta + 1/theta' = 1/2                   exponents of the tails of W and Y = phi(X)
====  =========================================  ===========================================================

(b), (c), (d) follow from (a), and say why it fails; (a) is the width-1 case of the question, and by Cramer's theorem
necessary at any width. (Wolinski & Arbel; the constants and the checks are derived here.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from preactivations.activations.describe import AnyActivation, as_map
from preactivations.activations.registry import by_name
from preactivations.weights import WeightLaw, as_law

__all__ = ["COMMON_ACTIVATIONS", "PairCheck", "check_pair"]

Array = NDArray[np.float64]
#: Activations in common use, elementwise in float64.
COMMON_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    **{name: by_name(name).phi for name in ("tanh", "relu", "gelu", "silu")},
    "sign": np.sign,
}

_NODES = 8192
# of constraint (a); quadrature error: 2e-4 at b = 0, 7e-5 at b = 0.1, 3e-6 from b = 1/2 on
_KS_TOLERANCE = 3e-4
_EXPONENT_TOLERANCE = 0.05


class PairCheck(NamedTuple):
    """Result of `check_pair`: the four constraints, then what was measured.

    Attributes
    ----------
    gaussian, no_atom, no_double_density, conjugate_tails : bool
        Constraints a, b, c, d; True: satisfied.
    ks, ks_standardized : float
        KS distance of W phi(X) from N(0, 1), raw and after scaling to unit variance.
    variance : float
        E W^2 E phi(X)^2.
    zero_probability : float
        P(phi(X) = 0).
    weight_exponent, factor_exponent : float
        Exponents at 0 of P(|W| < h) and P(|Y| < h): 0 for an atom at 0, inf for a law that stays away from 0.
    weight_tail, factor_tail : float
        Exponents of the tails of W and of Y: inf for a bounded law, 0 if phi overflows by x = 2e4.
    """

    gaussian: bool
    no_atom: bool
    no_double_density: bool
    conjugate_tails: bool
    ks: float
    ks_standardized: float
    variance: float
    zero_probability: float
    weight_exponent: float
    factor_exponent: float
    weight_tail: float
    factor_tail: float


def check_pair(weights: str | WeightLaw, activation: AnyActivation) -> PairCheck:
    """Check the four constraints of the head of this file for an arbitrary pair.

    Parameters
    ----------
    weights : str or WeightLaw
    activation : map, or whatever `activations.describe` takes
        Elementwise, finite on the real line. It is evaluated on |x| <= 37 and, for its growth, at +-1e4 and +-2e4.

    Returns
    -------
    PairCheck

    Raises
    ------
    ValueError
        If the activation returns NaN or infinity on |x| <= 9, or vanishes everywhere there.

    Examples
    --------
    >>> check = check_pair("weibull_3", np.tanh)
    >>> check.gaussian, round(check.ks, 3)
    (False, 0.119)
    """
    weights = as_law(weights)
    # graded: 9 u^3 is dense next to 0, where odd activations of spherical pairs are steep
    u = (np.arange(_NODES) + 0.5) / _NODES * 2 - 1
    x = 9 * u**3
    probability = 3 * u * u * np.exp(-0.5 * x * x)
    probability /= probability.sum()
    phi = as_map(activation)
    y = np.abs(np.asarray(phi(x), dtype=np.float64))
    if not np.all(np.isfinite(y)):
        raise ValueError(f"the activation is not finite at x = {x[~np.isfinite(y)][0]:g}")
    if not y.any():
        raise ValueError("the activation is zero everywhere")

    zero_probability = float(probability[y == 0].sum())
    if zero_probability < 1e-12:  # underflow far out, as of GELU's left tail
        zero_probability = 0.0
    variance = weights.variance * float(probability @ (y * y))
    z = np.concatenate((np.geomspace(1e-4, 0.02, 40), np.linspace(0.025, 6, 240)))
    ks = _ks(z, probability, y, weights)
    ks_standardized = _ks(z, probability, y / math.sqrt(variance), weights)
    weight_exponent = _exponent(lambda h: float(weights.small_ball(h)))
    factor_exponent = 0.0 if zero_probability > 0 else _exponent(_small_ball(phi))
    factor_tail = _factor_tail(phi)
    conjugate = 1 / factor_tail if factor_tail > 0 else math.inf
    return PairCheck(
        gaussian=ks < _KS_TOLERANCE,
        no_atom=zero_probability == 0,
        no_double_density=max(weight_exponent, factor_exponent) > 1 + _EXPONENT_TOLERANCE,
        conjugate_tails=abs(1 / weights.tail_exponent + conjugate - 0.5) < 0.5e-2,
        ks=ks,
        ks_standardized=ks_standardized,
        variance=variance,
        zero_probability=zero_probability,
        weight_exponent=weight_exponent,
        factor_exponent=factor_exponent,
        weight_tail=weights.tail_exponent,
        factor_tail=factor_tail,
    )


def _ks(z: Array, probability: Array, y: Array, weights: WeightLaw) -> float:
    """sup over z > 0 of |P(|W| y > z) - P(|N| > z)| / 2; by symmetry the supremum over all z."""
    with np.errstate(divide="ignore"):
        upper = np.array([probability @ weights.survival(point / y) for point in z])
    at_zero = 0.5 * float(probability[y == 0].sum())
    return max(0.5 * float(np.max(np.abs(upper - 2 * sc.ndtr(-z)))), at_zero)


def _exponent(small_ball: Callable[[float], float]) -> float:
    """kappa with P(. < h) ~ h^kappa, from two small h; inf if the law stays away from 0."""
    near, nearer = small_ball(1e-3), small_ball(1e-5)
    return math.log(near / nearer) / math.log(100) if nearer > 0 else math.inf


def _small_ball(activation: Callable[[Array], Array]) -> Callable[[float], float]:
    """h -> P(|phi(X)| < h), for an activation that is monotone between neighbouring nodes."""
    # nodes at all scales next to 0, where most activations vanish
    fine = np.geomspace(1e-30, 0.5, 4000)
    x = np.sort(np.concatenate((-fine, fine, np.linspace(-37, 37, 4000))))
    y = np.abs(activation(x))

    def probability(h: float) -> float:
        left, right, cdf = y[:-1], y[1:], sc.ndtr(x)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            share = np.clip((h - np.minimum(left, right)) / np.abs(right - left), 0.0, 1.0)
        share = np.where(left == right, left < h, share)
        return float(share @ np.diff(cdf))

    return probability


def _factor_tail(activation: Callable[[Array], Array]) -> float:
    """k with -log P(|phi(X)| > y) ~ y^k: 2/g if |phi| grows as x^g; inf if it is bounded, 0 if it overflows."""
    with np.errstate(over="ignore", under="ignore"):
        near, far = (float(np.max(np.abs(activation(np.array([-x, x]))))) for x in (1e4, 2e4))
    if not math.isfinite(far):
        return 0.0
    growth = math.log(far / near) / math.log(2) if 0 < near < far else 0.0
    return 2 / growth if growth > 0 else math.inf
