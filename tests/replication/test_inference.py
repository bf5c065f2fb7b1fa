"""Shared inference: corrections, paired tests and intervals against their definitions."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from replication.inference import bootstrap_interval, holm, sign_flip_p, wilson_interval, z_limit


def test_limit_of_many_numbers():
    """The chance that one of n normal numbers is beyond is below .001, and close to it."""
    for n in (1, 10, 1000):
        chance = 1 - (1 - 2 * norm.sf(z_limit(n))) ** n
        assert 0.00099 < chance < 0.001 + 1e-12


def test_wilson_interval():
    """Its ends are the shares p at which the observed share is 1.96 standard errors away."""
    low, high = wilson_interval(3, 10)
    for p in (low, high):
        assert abs(0.3 - p) == pytest.approx(norm.ppf(0.975) * math.sqrt(p * (1 - p) / 10))


def test_holm():
    """Against the definition: reject in order while p_(k) <= level / (m - k + 1)."""
    p = np.array([0.001, 0.013, 0.02, 0.2, 0.04])
    corrected = holm(p)
    for level in (0.01, 0.05, 0.06, 0.09):
        rejected = np.zeros(5, bool)
        for k, i in enumerate(np.argsort(p)):
            if p[i] > level / (5 - k):
                break
            rejected[i] = True
        np.testing.assert_array_equal(corrected <= level, rejected)


def test_sign_flips():
    """Against the exact law over all 2^10 sign changes, within 4 standard errors of 20 000 draws."""
    d = np.random.default_rng(3).normal(0.5, 1, 10)
    signs = 1 - 2 * ((np.arange(2**10)[:, None] >> np.arange(10)) & 1)
    exact = np.mean(np.abs(signs @ d) >= abs(d.sum()) - 1e-12)
    assert abs(sign_flip_p(d, "x") - exact) < 4 * math.sqrt(exact * (1 - exact) / 20_000) + 1e-4
    # many small losses and a few large wins: no contradiction with the sign of the mean
    mixed = np.concatenate([np.full(40, -0.01), np.full(5, 0.5)])
    assert mixed.mean() > 0
    assert sign_flip_p(mixed, "x") > 0.01


@pytest.mark.parametrize("n", [10, 40])
def test_the_unit_of_differences_is_free(n):
    d = np.random.default_rng(4).normal(0.4, 1, n)
    for unit in (1e-300, 1e-13, 1e13, 1e300):
        assert sign_flip_p(d * unit, "x") == sign_flip_p(d, "x")
    # one of 2^10 sign changes, and its reverse, are as far from 0
    assert sign_flip_p(np.full(10, 1e-13), "x") == 2 / 2**10


def test_what_is_no_difference_is_refused():
    with pytest.raises(ValueError, match="values must be finite, got 2 that are not"):
        sign_flip_p(np.array([math.nan, 1.0, math.inf]))
    for function in (sign_flip_p, bootstrap_interval, holm):
        with pytest.raises(TypeError, match="must be real numbers, got dtype complex128"):
            function(np.array([[1j, 0.5]]))
    assert sign_flip_p(np.zeros(3)) == 1
    for p in ([0.5, math.nan], [-0.1], [1.1]):
        with pytest.raises(ValueError, match=r"p-values must be in \[0, 1\]"):
            holm(p)


def test_bootstrap_draws_within_strata():
    """Two strata far apart: the interval of the mean knows only the spread within."""
    values = np.array([[0.0, 0.1, 0.2], [10.0, 10.1, 10.2]])
    low, high = bootstrap_interval(values, "x")
    assert 5.0 <= low < 5.1 < high <= 5.2
    assert bootstrap_interval(values, "x") == (low, high)
    assert math.isnan(bootstrap_interval(values[:, :1], "x")[0])
