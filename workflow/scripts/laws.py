"""Weight laws by the names that they have in file names."""

from __future__ import annotations

from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull, WeightLaw


def weight_law(name: str) -> WeightLaw:
    """weibull_2.05, spherical_1, normal."""
    family, _, value = name.partition("_")
    match family:
        case "weibull":
            return SymmetricWeibull(float(value))
        case "spherical":
            return SphericalMarginal(float(value))
        case "normal":
            return Normal()
    raise ValueError(f"unknown weight law {name!r}")


def theta_of(name: str) -> float:
    """Shape of a Weibull law by its name, weibull_2.05; NaN for another name."""
    family, _, value = name.partition("_")
    return float(value) if family == "weibull" else float("nan")
