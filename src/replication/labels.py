"""What things are called: activations, weight laws, schemes, papers, columns.

In figures, tables, claims and notebooks alike. Functions whose name ends in `_math` return text for figures, with
symbols between dollars; the others plain text.
"""

from __future__ import annotations

import math

from preactivations.activations.registry import label_of

PAPERS = {
    "1": "Gaussian Pre-Activations in Neural Networks: Myth or Reality?",
    "2": "Initialization of ReLUs for Dynamical Isometry",
    "3": "Invariance of Weight Distributions in Rectified MLPs",
    "4": "Fractional moment-preserving initialization schemes",
}
#: The paper that a stage's statements are about.
PAPER_OF = dict.fromkeys(("density", "activation", "propagation", "edge_of_chaos", "training"), "1")
PAPER_OF |= {"isometry": "2", "kernels": "3", "fractional": "4"}
_HEADS = {
    "loss": "training loss",
    "accuracy": "test accuracy",
    "reached": "runs below the threshold",
    "steps_to_loss": "steps to the threshold",
    "trains": "runs that train",
    "gap": "generalization gap",
    "speed": "speed",
    "first_law": "its weights",
    "second_law": "weights of the second",
    "n_networks": "networks",
    "n_samples": "samples",
    "n_chain": "chains",
    "n_drawn": "drawn networks",
    "ks": "KS",
    "ks_standardized": "KS, unit variance",
    "chi": "chi_1",
    "p_low": "P(q <= .1)",
    "sd": "deviation",
    "mean_log": "mean of log q",
    "sd_log": "deviation of log q",
    "chi2_per_dof": "chi^2 per degree of freedom",
    "activation_mse": "mean squared error of the fit",
    "rms_10": "root mean square to 10",
    "max_10": "largest to 10",
    "rms_bulk": "root mean square error to 3",
    "max_bulk": "largest error to 3",
    "weight_variance": "E W^2",
    "second": "second",
    "plain_standard_error": "standard error of the plain way",
    "kernel_drawn": "drawn",
    "standard_error": "standard error",
}
# endings of names of columns: what of the column that the name begins with
_ENDINGS = {"p_holm": "p (Holm)", "z": "z", "p": "p"} | {
    word: word
    for word in (
        "low",
        "high",
        "error",
        "drawn",
        "chain",
        "least",
        "largest",
        "pairs",
        "published",
        "limit",
        "theory",
    )
}
#: Initialization schemes, in the order of tables and figures; see `scheme_name` for those with a parameter.
SCHEMES = {
    "he": "He",
    "xavier": "Xavier",
    "random_walk": "random walk",
    "orthogonal": "orthogonal",
    "mirrored_gaussian": "mirrored Gaussian",
    "mirrored_orthogonal": "mirrored orthogonal",
}
_UNITS = {
    "linear": "linear",
    "rrelu": "randomized leaky ReLU",
    "sign": "sign",
}  # beside the registry of activations
_LAWS = {
    "ball": "ball",
    "cauchy": "Cauchy",
    "exponential": "exponential",
    "exponential_radius": "exponential radius",
    "elliptical_laplace": "elliptical Laplace",
    "gaussian": "Gaussian",
    "laplace": "Laplace",
    "rademacher": "Rademacher",
    "sphere": "sphere",
    "uniform": "uniform",
}


def column_head(name: str) -> str:
    """Head of a column of a table.

    Examples
    --------
    >>> column_head("accuracy_low"), column_head("p_holm"), column_head("effective_rank")
    ('test accuracy, low', 'p (Holm)', 'effective rank')
    """
    if name in _HEADS or name in _ENDINGS:
        return _HEADS.get(name) or _ENDINGS[name]
    for ending, words in _ENDINGS.items():
        if name.endswith(f"_{ending}"):
            return f"{column_head(name.removesuffix(f'_{ending}'))}, {words}"
    return name.replace("_", " ")


def activation_name(activation: str, theta: float = math.nan, law: str = "") -> str:
    """Name of an activation or setting, with its weights where they belong to it.

    Examples
    --------
    >>> activation_name("odd_edge", 4.0)
    'phi odd on the edge, theta 4'
    >>> activation_name("positive", law="spherical_1")
    'phi positive, uniform weights'
    >>> activation_name("normalized_gelu")
    'GELU, normalized'
    >>> activation_name("oscillating_6")
    'phi_(.99, 6)'
    """
    for prefix, text in (("normalized_", "normalized"), ("unit_", "unit variance")):
        if activation.startswith(prefix):
            return f"{activation_name(activation.removeprefix(prefix), theta, law)}, {text}"
    if activation.startswith("oscillating_"):
        return f"phi_(.99, {activation.removeprefix('oscillating_')})"
    psi = activation.removesuffix("_edge")
    if psi not in ("odd", "positive"):
        return _UNITS.get(activation) or label_of(activation)
    name = f"phi {psi}" + (" on the edge" if psi != activation else "")
    weights = f"theta {theta:g}" if theta == theta else weights_name(law)
    return f"{name}, {weights}" if weights else name


def activation_math(activation: str, theta: float = math.nan, law: str = "") -> str:
    """`activation_name` for figures."""
    if activation.startswith("oscillating_"):
        return rf"$\phi_{{.99,{activation.removeprefix('oscillating_')}}}$"
    name = activation_name(activation, theta, law)
    return name.replace("phi", r"$\phi$").replace("theta ", r"$\theta$ = ")


def phi_math(theta: float = math.nan, law: str = "") -> str:
    """phi_theta, of either kind, by its weights."""
    return weights_name(law) if law.startswith("spherical_") else rf"$\phi_\theta$, $\theta = {theta:g}$"


def weights_name(law: str) -> str:
    """Weight law of an exact pair: weibull_4 is "theta 4", spherical_1 "uniform weights"."""
    if law == "spherical_1":
        return "uniform weights"
    return law.replace("weibull_", "theta ").replace("_", " ")


def reference_name(activation: str) -> str:
    """An activation that others are compared with, with its scales."""
    names = {"tanh": "tanh on the edge", "relu": "ReLU (He)", "odd": "phi odd without bias"}
    return names.get(activation, activation_name(activation))


def law_name(law: str) -> str:
    """Law of the rows of a layer of the kernel study.

    Examples
    --------
    >>> law_name("iid_student_4")
    'Student t4'
    """
    bare = law.removeprefix("iid_")
    family, _, value = bare.rpartition("_")
    with_value = {"student": f"Student t{value}", "sparse": f"sparse normal, p = {value}"}
    return _LAWS.get(bare) or with_value.get(family, law)


def law_math(law: str) -> str:
    """`law_name` for figures."""
    name = law_name(law)
    if name.startswith("Student t"):
        return rf"Student $t_{{{name.removeprefix('Student t')}}}$"
    return name.replace("p = ", "$p$ = ")


def scheme_name(scheme: str) -> str:
    """An initialization scheme; fractional_0.8 is "s = 0.8"."""
    return SCHEMES.get(scheme) or f"s = {float(scheme.removeprefix('fractional_')):g}"
