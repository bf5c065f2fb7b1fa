"""Ratios of gamma functions and binomial weights in 40 digits."""

import itertools
import math

import mpmath
import numpy as np
import pytest

from preactivations.special import binomial_given_positive, log_gamma_ratio

UPWARDS = itertools.product((0.5, 1.0, 23.9, 24.0, 1e3, 1e8), (1e-9, 1e-3, 0.5, 1.0, 300.0, 1e4))
DOWNWARDS = itertools.product((0.5, 1.0, 30.0, 5e3), (-0.999, -0.5, -1e-3, -1e-9))


@pytest.mark.parametrize(("x", "p"), [*UPWARDS, *((x, share * x) for x, share in DOWNWARDS)])
def test_gamma_ratio(x, p):
    with mpmath.workdps(40):
        reference = mpmath.loggamma(mpmath.mpf(x) + mpmath.mpf(p)) - mpmath.loggamma(mpmath.mpf(x))
        error = abs(mpmath.mpf(float(log_gamma_ratio(x, p))) - reference)
        assert error < 3e-15 * max(abs(reference), abs(p))


def test_gamma_ratio_is_elementwise():
    x = np.array([[0.5, 30.0], [1e3, 7.0]])
    assert log_gamma_ratio(x, 0.3).tolist() == [[float(log_gamma_ratio(v, 0.3)) for v in row] for row in x]
    assert x[0, 0] == 0.5
    assert not log_gamma_ratio(x, 0.0).any()


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (7, 0.5), (300, 0.5), (40, 0.9), (5, 1.0), (2000, 1e-3)])
def test_binomial_given_positive(n, p):
    k, probability = binomial_given_positive(n, p)
    with mpmath.workdps(40):
        alive = 1 - (1 - mpmath.mpf(p)) ** n
        for one, found in zip(k, probability, strict=True):
            exact = mpmath.binomial(n, one) * mpmath.mpf(p) ** one * (1 - mpmath.mpf(p)) ** (n - one) / alive
            assert found == pytest.approx(float(exact), rel=1e-15 * max(10, n * math.log(n)), abs=1e-38)
    assert probability.sum() == pytest.approx(1, rel=1e-14)
