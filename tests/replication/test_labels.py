"""Names are unique, complete and fit for reading."""

import math

from preactivations.rows import row_law
from replication.labels import (
    activation_math,
    activation_name,
    law_math,
    law_name,
    phi_math,
    reference_name,
    scheme_name,
)


def test_names():
    assert activation_name("odd", 2.05) == "phi odd, theta 2.05"
    assert activation_name("positive", math.nan, "spherical_1") == "phi positive, uniform weights"
    assert activation_name("positive", math.nan, "spherical_0.5") == "phi positive, spherical 0.5"
    assert activation_name("odd_edge", 4.0, "weibull_4") == "phi odd on the edge, theta 4"
    assert activation_name("unit_gelu", math.nan) == "GELU, unit variance"
    assert activation_name("relu", math.nan) == "ReLU"
    assert activation_name("normalized_tanh", math.nan) == "tanh, normalized"
    assert activation_name("oscillating_6", math.nan) == "phi_(.99, 6)"
    assert activation_name("odd_edge") == "phi odd on the edge"


def test_names_in_figures():
    assert activation_math("odd", 4.0) == r"$\phi$ odd, $\theta$ = 4"
    assert activation_math("oscillating_6") == r"$\phi_{.99,6}$"
    assert phi_math(4.0) == r"$\phi_\theta$, $\theta = 4$"
    assert phi_math(law="spherical_1") == "uniform weights"
    assert law_math("student_5") == "Student $t_{5}$"


def test_laws_of_the_kernel_study():
    laws = ["gaussian", "student_5", "sphere", "ball", "elliptical_laplace", "exponential_radius", "cauchy"]
    laws += [
        f"iid_{name}"
        for name in ("uniform", "rademacher", "laplace", "student_4", "exponential", "sparse_0.1")
    ]
    for law in laws:
        row_law(law)
        assert "_" not in law_name(law)
    assert len({law_name(law) for law in laws}) == len(laws)


def test_schemes_and_references():
    schemes = ("fractional_0.8", "he", "xavier", "random_walk", "mirrored_orthogonal")
    assert [scheme_name(s) for s in schemes] == [
        "s = 0.8",
        "He",
        "Xavier",
        "random walk",
        "mirrored orthogonal",
    ]
    assert reference_name("tanh") == "tanh on the edge"
    assert reference_name("gelu") == "GELU"
