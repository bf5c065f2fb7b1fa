"""Composite Gauss-Legendre rules: exact for polynomials, geometric convergence for analytic functions."""

import math

import numpy as np
import pytest

from preactivations.quadrature import gauss_legendre

EDGES = [-1.0, -0.5, 0.25, 3.0]


@pytest.mark.parametrize("order", [1, 2, 5, 24])
def test_polynomials_up_to_twice_the_order_are_exact(order):
    x, weight = gauss_legendre(EDGES, order)
    assert x.size == weight.size == 3 * order
    assert (np.diff(x) > 0).all()
    for degree in range(2 * order):
        exact = (EDGES[-1] ** (degree + 1) - EDGES[0] ** (degree + 1)) / (degree + 1)
        assert weight @ x**degree == pytest.approx(exact, rel=1e-13)
    # the next even power is not
    exact = (EDGES[-1] ** (2 * order + 1) - EDGES[0] ** (2 * order + 1)) / (2 * order + 1)
    if order < 5:
        assert abs(weight @ x ** (2 * order) / exact - 1) > 1e-6


def test_kinks_on_edges_do_no_harm():
    x, weight = gauss_legendre([-2, 0, 1], 12)
    assert weight @ np.exp(-np.abs(x)) == pytest.approx(2 - math.exp(-2) - math.exp(-1), rel=1e-14)
