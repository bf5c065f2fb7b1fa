"""Shared inference: corrections, paired tests and intervals against their definitions."""

import math

import numpy as np
import pytest
from scipy.stats import binom, norm, t

from replication.inference import holm, mean_test, sign_flip_p, wilson_interval, z_limit


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
    for function in (sign_flip_p, mean_test, holm):
        with pytest.raises(TypeError, match="must be real numbers, got dtype complex128"):
            function(np.array([[1j, 0.5]]))
    for p in ([0.5, math.nan], [-0.1], [1.1]):
        with pytest.raises(ValueError, match=r"p-values must be in \[0, 1\]"):
            holm(p)


def test_intervals_and_p_values_of_means_say_the_same():
    """Against the textbook formulas; 0 is in the interval where p is above .05."""
    rng = np.random.default_rng(7)
    for _ in range(200):
        v = rng.normal(0.8, 1, int(rng.integers(2, 9)))
        found = mean_test(v)
        half = t.ppf(0.975, v.size - 1) * v.std(ddof=1) / math.sqrt(v.size)
        assert (found.low, found.high) == pytest.approx((v.mean() - half, v.mean() + half))
        assert found.p == pytest.approx(
            2 * t.sf(abs(v.mean()) / (v.std(ddof=1) / math.sqrt(v.size)), v.size - 1)
        )
        assert (found.p > 0.05) == (found.low < 0 < found.high)
        assert mean_test(np.append(v, math.nan)) == found


def test_intervals_of_means_cover_them():
    """95 % of intervals of five normal values, within 99.9 % of the binomial law (resampling covers 84 %)."""
    rng = np.random.default_rng(8)
    covered = sum(
        test.low < 0.3 < test.high for test in (mean_test(rng.normal(0.3, 2, 5)) for _ in range(1000))
    )
    assert binom.ppf(5e-4, 1000, 0.95) <= covered <= binom.ppf(1 - 5e-4, 1000, 0.95)


def test_means_of_too_few_or_equal_values():
    for values in ([], [1.0], [1.0, math.nan]):
        found = mean_test(values)
        assert math.isnan(found.low)
        assert found.p == 1
    assert mean_test([0.0, 0.0, 0.0]) == (0, 0, 0, 1)
    equal = mean_test([0.1, 0.1, 0.1])
    assert (equal.mean, equal.p) == pytest.approx((0.1, 0.25))
    assert math.isnan(equal.low)
    assert math.isnan(equal.high)
    with pytest.raises(ValueError, match="values must be finite, got 1 that are infinite"):
        mean_test([0.1, math.inf, 0.1])
