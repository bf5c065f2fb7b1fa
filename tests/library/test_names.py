"""Numbers in names are read back to the same bits."""

import math

import numpy as np
import pytest

from preactivations.names import number_text, parameter, theta_of


def test_names_of_the_configurations():
    assert [number_text(x) for x in (2, 2.05, 4.0, 0.25, 1000.0, 100, 0)] == [
        "2", "2.05", "4", "0.25", "1000", "100", "0",
    ]  # fmt: skip


def test_read_back_exactly():
    rng = np.random.default_rng(0)
    values = [2.0000001, math.nextafter(2, 3), 1e-5, 1e22, 5e-324, *(10.0 ** rng.uniform(-20, 20, 2000))]
    for value in map(float, values):
        text = number_text(value)
        assert "e" not in text
        assert parameter(f"weibull_{text}", "weibull") == value
    with pytest.raises(ValueError, match="must be finite, got inf"):
        number_text(math.inf)


def test_names_without_a_number():
    for name in (
        "weibull",
        "weibull_",
        "weibull_x",
        "weibull_inf",
        "weibull_nan",
        "weibull_1_0",
        "weibull_.",
        "",
    ):
        assert parameter(name, "weibull") is None
    assert parameter("iid_student_5", "student") is None
    assert parameter("leaky_relu_-0.5", "leaky_relu") == -0.5
    assert theta_of("weibull_2.05") == 2.05
    assert math.isnan(theta_of("spherical_1"))
