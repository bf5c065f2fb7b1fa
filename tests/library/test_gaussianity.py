"""Statistics against SciPy and known null laws."""

import math

import numpy as np
import pytest
import scipy.stats

from preactivations.gaussianity import (
    excess_kurtosis,
    ks_distance,
    ks_error,
    ks_standardized,
    ks_statistic,
    ks_to_law,
    null_quantile,
    null_statistics,
)


def test_ks_against_scipy():
    rng = np.random.default_rng(0)
    for sample in (rng.standard_normal(1000), rng.standard_t(3, 501), rng.integers(-2, 3, 300).astype(float)):
        assert ks_statistic(sample) == pytest.approx(scipy.stats.kstest(sample, "norm").statistic, abs=1e-15)
    assert ks_statistic([0.25], lambda x: x) == 0.75


@pytest.mark.parametrize("scale", [1.0, 1.02, 1.1, 0.7, 3.0])
@pytest.mark.parametrize("atom", [0.0, 0.5])
def test_error_of_ks(scale, atom):
    """Of 1 000 samples of a symmetric law: the deviation of the statistic, between 85 % of the stated error and it.

    The deviation of 1 000 values is known to sqrt(1 / 2000) = 2.2 %, more for the skewed law of Kolmogorov (2.5 %):
    four of these are added. A scale next to 1 is where neither limit holds.
    """
    rng = np.random.default_rng(11)
    draws = (scale * rng.standard_normal(2000) * (rng.random(2000) >= atom) for _ in range(1000))
    statistic, error = np.array([(ks_statistic(x), ks_error(x)) for x in draws]).T
    ratio = statistic.std() / math.sqrt(np.mean(error**2))
    assert 0.85 - 0.1 < ratio < 1 + 0.1


def test_ks_counts_both_sides_of_an_atom():
    # half of the sample at 0, as a dead ReLU network gives
    sample = np.concatenate((np.zeros(500), np.linspace(-3, 3, 500)))
    assert ks_statistic(sample) == pytest.approx(0.25, abs=0.01)


def test_ks_to_a_law_with_an_atom():
    """Against the continuous law whose atom is spread over (-1, 0), in sample and law alike; and by hand."""
    law = scipy.stats.chi2(3)
    q = law.rvs(500, random_state=2)
    assert ks_to_law(q, law.cdf) == pytest.approx(scipy.stats.kstest(q, law.cdf).statistic, rel=1e-12)

    def mixture(at):
        return np.where(at < 0, 0.3 * np.clip(at + 1, 0, 1), 0.3 + 0.7 * law.cdf(at))

    for zeros in (100, 214, 400):
        spread = (
            -(np.arange(zeros) + 0.5) / zeros
        )  # as evenly as possible, so that nothing is farthest below 0
        smooth = scipy.stats.kstest(np.concatenate([spread, q]), mixture).statistic
        found = ks_to_law(np.concatenate([q, np.zeros(zeros)]), mixture)
        assert found == pytest.approx(smooth, abs=0.3 / zeros)
    assert ks_to_law([0.0, 0.0], mixture) == pytest.approx(0.7)
    assert ks_to_law([1e9], mixture) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="samples must be >= 0, got -1"):
        ks_to_law([0.5, -1.0], mixture)


def test_standardized_ks_ignores_location_and_scale():
    x = np.random.default_rng(1).standard_normal(400)
    assert ks_standardized(5 - 3 * x) == pytest.approx(ks_standardized(-x), abs=1e-12)
    assert ks_statistic(5 - 3 * x) > 0.5


def test_null_laws():
    n, replicates = 2000, 2000
    raw, standardized = null_statistics(n, replicates, np.random.default_rng(2))
    for p in (0.5, 0.95):
        # standard error of an empirical probability
        below = np.mean(raw < null_quantile(p, n))
        assert below == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / replicates))
    # Lilliefors's asymptotic 95 % point, modified for n as in Stephens (1974)
    factor = math.sqrt(n) - 0.01 + 0.85 / math.sqrt(n)
    assert np.mean(standardized * factor < 0.895) == pytest.approx(
        0.95, abs=4 * math.sqrt(0.0475 / replicates)
    )
    assert np.mean(standardized * factor < 0.775) == pytest.approx(
        0.85, abs=4 * math.sqrt(0.1275 / replicates)
    )


def test_ks_distance_of_a_law():
    z = np.linspace(-5, 5, 2001)
    # N(0, s^2) against N(0, 1): maximum where the densities are equal
    s = 1.2
    at = math.sqrt(2 * math.log(s) / (1 - s**-2))
    exact = scipy.stats.norm.cdf(at) - scipy.stats.norm.cdf(at / s)
    assert ks_distance(z, scipy.stats.norm.cdf(z / s)) == pytest.approx(exact, abs=1e-5)


def test_kurtosis():
    x = np.random.default_rng(3).standard_normal(100_000)
    assert abs(excess_kurtosis(x)) < 4 * math.sqrt(24 / x.size)
    assert excess_kurtosis(3 * x + 1) == pytest.approx(excess_kurtosis(x), abs=1e-10)
    assert excess_kurtosis([-1, 1, -1, 1]) == -2


def test_errors():
    for function in (ks_statistic, ks_standardized, excess_kurtosis):
        with pytest.raises(ValueError, match="samples are needed, got 0"):
            function([])
        with pytest.raises(ValueError, match="must be finite, got 1 that are not"):
            function([0.0, math.nan, 1.0])
        for other in ([1j, 2j], ["1", "2"], [None, 1.0]):
            with pytest.raises(TypeError, match="samples must be real numbers, got dtype"):
                function(other)
    for z, cdf in (([0.0, 1.0], [0.5]), ([], [])):
        with pytest.raises(ValueError, match="z and cdf must have one shape"):
            ks_distance(z, cdf)


# the mean of three times .1 is not .1 in double precision, and the deviation not 0
@pytest.mark.parametrize("samples", [[1.0, 1.0], [0.1] * 3, [0.0, 0.0], [-7e300] * 5, [1.0, 1.0 + 1e-15]])
def test_samples_that_are_equal_to_rounding_have_no_shape(samples):
    with pytest.raises(ValueError, match="all equal can't be standardized"):
        ks_standardized(samples)
    assert math.isnan(excess_kurtosis(samples))


def test_the_unit_of_the_samples_is_free():
    """Also where fourth powers, or the sum, are not in the range of double precision."""
    x = np.random.default_rng(5).standard_normal(101)
    for unit in (2.0**-1000, 2.0**-300, 2.0**300, 2.0**1021):
        assert ks_standardized(x * unit) == ks_standardized(x)
        assert excess_kurtosis(x * unit) == excess_kurtosis(x)
    # [-1, 0, 1]: moments 2/3 and 2/3
    assert excess_kurtosis([-1.7e308, 0, 1.7e308]) == pytest.approx(-1.5)
