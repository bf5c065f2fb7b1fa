"""All activations by name: one entry of `REGISTRY` is all that an activation needs.

=====================  ========================================  ==============
name                   phi(x)                                    kinks
=====================  ========================================  ==============
identity               x                                         none
relu                   max(x, 0)                                 0
leaky_relu             x for x > 0, x / 100 else                 0
tanh                   tanh x                                    none
erf                    erf x                                     none
sigmoid                1 / (1 + exp(-x))                         none
gelu                   x Phi(x)                                  none
silu                   x / (1 + exp(-x))                         none
mish                   x tanh(log(1 + exp(x)))                   none
elu                    x for x > 0, exp(x) - 1 else              0 (of phi')
softplus               log(1 + exp(x))                           none
oscillating_<omega>    x exp((.99/omega) sin(omega log|x|))      0
=====================  ========================================  ==============

An entry describes phi in float64, for integrals; says where its PyTorch module is, which is imported when it is needed
(`modules.activation`); and how figures call it. `of_pair` makes one of an exact pair.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from preactivations.names import number_text, parameter
from preactivations.real import real_number, real_values

__all__ = [
    "NAMES",
    "REGISTRY",
    "Activation",
    "Pair",
    "by_name",
    "label_of",
    "leaky_relu",
    "of_pair",
    "oscillating",
]

Array = NDArray[np.float64]
Map = Callable[[Array], Array]


class Activation(NamedTuple):
    """An activation: what integrals, networks and figures must know of it.

    Attributes
    ----------
    name : str
        As in `REGISTRY`.
    phi, dphi : map
        Elementwise in float64, any shape; those of `REGISTRY` refuse what is not real (TypeError). At a kink `dphi`
        may be anything finite.
    kinks : tuple of float
        Points where phi or a derivative of low order jumps. A tuple: activations must be hashable.
    power : float
        phi(x) - phi(0) ~ |x|^power at 0: below 1 for odd spherical pairs (b > 0), whose phi' is infinite
        there.
    slopes : (float, float), optional
        Slopes left and right of 0 if phi is linear on both sides (identity, ReLU): closed forms are used then.
    weight_variance : float
        E W^2 of the weights that the activation is made for; 1 unless it is that of a pair.
    module : tuple
        The elementwise PyTorch module without parameters, as "package.module:Class", a class or what makes one,
        followed by its arguments. Empty: the activation is for integrals only.
    label : str
        Its name in figures and tables, see `label_of`.
    """

    name: str
    phi: Map
    dphi: Map
    kinks: tuple[float, ...] = ()
    power: float = 1.0
    slopes: tuple[float, float] | None = None
    weight_variance: float = 1.0
    module: tuple[Any, ...] = ()
    label: str = ""


@runtime_checkable
class Pair(Protocol):
    """A law of weights with its activation: `pairs.GaussianPair`, or its table. Equal ones must be hashable."""

    @property
    def kind(self) -> Any:
        """Odd or positive."""
        ...

    @property
    def weights(self) -> Any:
        """The law of the weights."""
        ...

    @property
    def power(self) -> float:
        """phi(x) - phi(0) ~ |x|^power at 0."""
        ...

    @property
    def kinks(self) -> tuple[float, ...]:
        """Points where phi or a derivative of low order jumps."""
        ...

    def __hash__(self) -> int: ...

    def phi(self, x: Any) -> Array:
        """The activation, elementwise."""
        ...

    def dphi(self, x: Any) -> Array:
        """Its derivative, elementwise."""
        ...

    def module(self) -> Any:
        """A new PyTorch module of it."""
        ...


@functools.lru_cache(maxsize=64)
def of_pair(pair: Pair) -> Activation:
    """The activation of a pair (`GaussianPair`, `TabulatedActivation`), with E W^2 of its weights; named by its kind.

    The same object for equal pairs, so that its integrals are kept.
    """
    return Activation(
        pair.kind,
        pair.phi,
        pair.dphi,
        pair.kinks,
        pair.power,
        weight_variance=pair.weights.variance,
        module=(pair.module,),
        label=f"phi {pair.kind}",
    )


def _real(function: Map) -> Map:
    """The function of real numbers only: NumPy orders complex ones, and reads texts."""
    return lambda x: function(real_values("x", x))


def leaky_relu(slope: float = 0.01) -> Activation:
    """x for x > 0 and slope * x else; slope 0 is ReLU, 1 the identity. The same object for equal slopes.

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
    if not math.isfinite(real_number("slope", slope)):
        raise ValueError(f"slope must be finite, got {slope}")
    return _leaky_relu(float(slope) + 0.0)  # no negative zero


@functools.cache
def _leaky_relu(slope: float) -> Activation:
    name, label, *module = {
        0.0: ("relu", "ReLU", "torch.nn:ReLU"),
        1.0: ("identity", "identity", "torch.nn:Identity"),
    }.get(slope, ("leaky_relu", "leaky ReLU", "torch.nn:LeakyReLU", slope))
    return Activation(
        name,
        _real(lambda x: np.where(x > 0, x, slope * x) + 0.0),  # no negative zeros
        _real(lambda x: np.where(x > 0, 1.0, slope)),
        () if slope == 1 else (0.0,),
        slopes=(slope, 1.0),
        module=tuple(module),
        label=label,
    )


def oscillating(delta: float = 0.99, omega: float = 6.0) -> Activation:
    """x exp((delta/omega) sin(omega log|x|)): 0 at 0, with derivative 1 (chosen) there.

    Parameters
    ----------
    delta : float
        Amplitude, in [0, 1].
    omega : float
        Frequency in log|x|, finite and > 0.

    Returns
    -------
    Activation
        Named "oscillating_<omega>"; the same object for equal arguments.

    Raises
    ------
    ValueError
        For delta outside [0, 1] or omega that is not positive.
    """
    return _oscillating(*checked_oscillation(delta, omega))


def checked_oscillation(delta: float, omega: float) -> tuple[float, float]:
    """(delta, omega) as floats; ValueError for what `oscillating` refuses."""
    if not 0 <= real_number("delta", delta) <= 1:
        raise ValueError(f"delta must be in [0, 1] (beyond it phi is not monotone), got {delta}")
    if not (real_number("omega", omega) > 0 and math.isfinite(omega)):
        raise ValueError(f"omega must be finite and > 0, got {omega}")
    return float(delta), float(omega)


@functools.cache
def _oscillating(delta: float, omega: float) -> Activation:
    def log(x: Array) -> Array:
        return np.log(np.where(x == 0, 1.0, np.abs(x)))

    return Activation(
        f"oscillating_{number_text(omega)}",
        _real(lambda x: x * np.exp(delta / omega * np.sin(omega * log(x)))),
        _real(
            lambda x: np.where(
                x == 0,
                1.0,
                np.exp(delta / omega * np.sin(omega * log(x))) * (1 + delta * np.cos(omega * log(x))),
            )
        ),
        (0.0,),
        module=("preactivations.activations.modules:Oscillating", delta, omega),
        label=f"oscillating {number_text(omega)}",
    )


def _normal_density(x: Array) -> Array:
    return np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _silu_slope(x: Array) -> Array:
    s = sc.expit(x)
    return s * (1 + x * sc.expit(-x))


def _mish_slope(x: Array) -> Array:
    t = np.tanh(np.logaddexp(0, x))
    return t + x * sc.expit(x) * (1 - t) * (1 + t)


def _smooth(name: str, phi: Map, dphi: Map, module: str, label: str = "", **facts: Any) -> Activation:
    return Activation(name, _real(phi), _real(dphi), module=(module,), label=label or name, **facts)


#: The activations that `by_name` takes, besides "oscillating_<omega>". To add one, add its entry.
REGISTRY: dict[str, Activation] = {
    entry.name: entry
    for entry in (
        leaky_relu(1.0),
        leaky_relu(0.0),
        leaky_relu(),
        _smooth("tanh", np.tanh, lambda x: 4 * sc.expit(2 * x) * sc.expit(-2 * x), "torch.nn:Tanh"),
        _smooth(
            "erf",
            sc.erf,
            lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x),
            "preactivations.activations.modules:Erf",
        ),
        _smooth("sigmoid", sc.expit, lambda x: sc.expit(x) * sc.expit(-x), "torch.nn:Sigmoid"),
        _smooth(
            "gelu",
            lambda x: x * sc.ndtr(x),
            lambda x: sc.ndtr(x) + x * _normal_density(x),
            "torch.nn:GELU",
            "GELU",
        ),
        _smooth("silu", lambda x: x * sc.expit(x), _silu_slope, "torch.nn:SiLU", "SiLU"),
        _smooth("mish", lambda x: x * np.tanh(np.logaddexp(0, x)), _mish_slope, "torch.nn:Mish", "Mish"),
        _smooth(
            "elu",
            lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
            lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
            "torch.nn:ELU",
            "ELU",
            kinks=(0.0,),
        ),
        _smooth("softplus", lambda x: np.logaddexp(0, x), sc.expit, "torch.nn:Softplus"),
    )
}

#: Names of the entries of `REGISTRY`, sorted.
NAMES = tuple(sorted(REGISTRY))


def by_name(name: str) -> Activation:
    """An activation by its name; "oscillating_<omega>" has delta = .99. The same object for equal names.

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
    omega = parameter(name, "oscillating")
    if omega is not None:
        return oscillating(omega=omega)
    if name not in REGISTRY:
        accepted = ", ".join(map(repr, [*sorted(REGISTRY), "oscillating_<omega>"]))
        raise ValueError(
            f"unknown activation {name!r}; accepted: {accepted} ('odd' and 'positive' go with a law of weights)"
        )
    return REGISTRY[name]


def label_of(name: str) -> str:
    """How figures and tables call the activation of that name: its label, else the name."""
    return by_name(name).label or name
