"""Activations in float64 with their derivative and what an integral over them must know: kinks, behaviour at 0.

=============  ========================================  ==============
name           phi(x)                                    kinks
=============  ========================================  ==============
identity       x                                         none
relu           max(x, 0)                                 0
leaky_relu     x for x > 0, slope x else (slope .01)     0
tanh           tanh x                                    none
erf            erf x                                     none
gelu           x Phi(x)                                  none
silu           x / (1 + exp(-x))                         none
elu            x for x > 0, exp(x) - 1 else              0 (of phi')
softplus       log(1 + exp(x))                           none
oscillating    x exp((delta/omega) sin(omega log|x|))    0
=============  ========================================  ==============

`of_pair` makes one of an exact pair.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from preactivations.pairs.gaussian import GaussianPair

__all__ = ["NAMES", "Activation", "by_name", "leaky_relu", "of_pair", "oscillating"]

Array = NDArray[np.float64]
Map = Callable[[Array], Array]


class Activation(NamedTuple):
    """An activation for the integrals of `edge_of_chaos`.

    Attributes
    ----------
    name : str
        A label.
    phi, dphi : map
        Elementwise in float64, any shape. At a kink `dphi` may be anything finite.
    kinks : tuple of float
        Points where phi or a derivative of low order jumps. A tuple: activations must be hashable.
    power : float
        phi(x) - phi(0) ~ |x|^power at 0: below 1 for odd spherical pairs (b > 0), whose phi' is infinite
        there.
    slopes : (float, float), optional
        Slopes left and right of 0 if phi is linear on both sides (identity, ReLU): closed forms are used then.
    weight_variance : float
        E W^2 of the weights that the activation is made for; 1 unless it is that of a pair.
    """

    name: str
    phi: Map
    dphi: Map
    kinks: tuple[float, ...] = ()
    power: float = 1.0
    slopes: tuple[float, float] | None = None
    weight_variance: float = 1.0


def leaky_relu(slope: float = 0.01) -> Activation:
    """x for x > 0 and slope * x else; slope 0 is ReLU, 1 the identity.

    Parameters
    ----------
    slope : float
        phi' for x < 0, finite.

    Returns
    -------
    Activation
        "relu" or "identity" if it is one, else "leaky_relu"; with `slopes`.

    Raises
    ------
    ValueError
        For a slope that is not finite.
    """
    if not math.isfinite(slope):
        raise ValueError(f"slope must be finite, got {slope}")
    name = {0.0: "relu", 1.0: "identity"}.get(slope, "leaky_relu")
    return Activation(
        name,
        lambda x: np.where(x > 0, x, slope * x) + 0.0,  # no negative zeros
        lambda x: np.where(x > 0, 1.0, slope),
        () if slope == 1 else (0.0,),
        slopes=(slope, 1.0),
    )


def oscillating(delta: float = 0.99, omega: float = 6.0) -> Activation:
    """x exp((delta/omega) sin(omega log|x|)): `nn.Oscillating` in float64; 0 at 0, with derivative 1 (chosen) there.

    Parameters
    ----------
    delta : float
        Amplitude, in [0, 1].
    omega : float
        Frequency in log|x|, finite and > 0.

    Returns
    -------
    Activation
        Named "oscillating_<omega>".

    Raises
    ------
    ValueError
        For delta outside [0, 1] or omega that is not positive.
    """
    if not 0 <= delta <= 1:
        raise ValueError(f"delta must be in [0, 1] (beyond it phi is not monotone), got {delta}")
    if not (omega > 0 and math.isfinite(omega)):
        raise ValueError(f"omega must be finite and > 0, got {omega}")

    def log(x: Array) -> Array:
        return np.log(np.where(x == 0, 1.0, np.abs(x)))

    return Activation(
        f"oscillating_{omega:g}",
        lambda x: x * np.exp(delta / omega * np.sin(omega * log(x))),
        lambda x: np.where(
            x == 0, 1.0, np.exp(delta / omega * np.sin(omega * log(x))) * (1 + delta * np.cos(omega * log(x)))
        ),
        (0.0,),
    )


def of_pair(pair: GaussianPair) -> Activation:
    """The exact activation of a pair (`GaussianPair`), with E W^2 of its weights; named by its kind.

    Its `power` is 1 / (1 + 2b) for odd spherical pairs and 1 for all others.
    """
    b = getattr(pair.weights, "b", 0.0)
    power = 1 / (1 + 2 * b) if pair.kind == "odd" else 1.0
    kinks = (0.0,) if power < 1 else ()
    return Activation(pair.kind, pair.phi, pair.dphi, kinks, power, weight_variance=pair.weights.variance)


def _normal_density(x: Array) -> Array:
    return np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _silu_slope(x: Array) -> Array:
    s = sc.expit(x)
    return s * (1 + x * sc.expit(-x))


_SMOOTH: dict[str, tuple[Map, Map]] = {
    "tanh": (np.tanh, lambda x: 4 * sc.expit(2 * x) * sc.expit(-2 * x)),
    "erf": (sc.erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
    "gelu": (lambda x: x * sc.ndtr(x), lambda x: sc.ndtr(x) + x * _normal_density(x)),
    "silu": (lambda x: x * sc.expit(x), _silu_slope),
    "softplus": (lambda x: np.logaddexp(0, x), sc.expit),
}
_ELU = Activation(
    "elu",
    lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
    (0.0,),
)

#: Names that `by_name` takes, besides "oscillating_<omega>".
NAMES = tuple(sorted([*_SMOOTH, "elu", "identity", "leaky_relu", "relu"]))


def by_name(name: str) -> Activation:
    """An activation by its name; "oscillating_<omega>" has delta = .99.

    Parameters
    ----------
    name : str
        One of `NAMES`, or "oscillating_<omega>" with omega in decimals ("oscillating_2.5").

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        For an unknown name, or omega = 0.

    Examples
    --------
    >>> by_name("relu").phi(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    family, _, omega = name.partition("oscillating_")
    if not family and omega.replace(".", "", 1).isdigit():
        return oscillating(omega=float(omega))
    if name in _SMOOTH:
        return Activation(name, *_SMOOTH[name])
    match name:
        case "identity":
            return leaky_relu(1.0)
        case "relu":
            return leaky_relu(0.0)
        case "leaky_relu":
            return leaky_relu()
        case "elu":
            return _ELU
    accepted = ", ".join(map(repr, [*NAMES, "oscillating_<omega>"]))
    raise ValueError(f"unknown activation {name!r}; accepted: {accepted}")
