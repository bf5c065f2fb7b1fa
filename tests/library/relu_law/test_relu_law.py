"""Exact law of the signal in ReLU networks: closed forms, quadrature by other rules, and real weight matrices."""

import math

import mpmath
import numpy as np
import pytest
from oracles import real_networks
from scipy.integrate import quad
from scipy.stats import kstwo

from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.jacobians import jacobian_moments
from preactivations.relu_law.layers import he_variance
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.relu_law.stationary import (
    eigenvalue,
    squared_norm_tail_index,
    stationary_law,
    stationary_sample,
)
from preactivations.relu_law.two_inputs import log_angle_drift, mean_correlation, pair_moments

SLOPES = [0.0, 1.0, 0.3, -2.0, 0.01]


def ks_of(sample, law):
    """KS statistic of the part above 0 given the number of zeros, and the size of that part."""
    alive = np.sort(sample[sample > 0])
    cdf = (law.cdf(alive) - law.atom) / (1 - law.atom)
    i = np.arange(alive.size)
    return max((cdf - i / alive.size).max(), ((i + 1) / alive.size - cdf).max()), alive.size


def exact_moment(n, slope, p):
    """E[Q^p; Q > 0] in 30 digits: sum over K of a beta integral by the hypergeometric function."""
    with mpmath.workdps(30):
        total, a2 = mpmath.mpf(0), mpmath.mpf(slope) ** 2
        for k in range(n + 1):
            if slope == 0:
                if k:
                    total += (
                        mpmath.binomial(n, k)
                        * mpmath.gamma(k / 2 + mpmath.mpf(p))
                        / mpmath.gamma(mpmath.mpf(k) / 2)
                    )
            else:
                split = (
                    mpmath.hyp2f1(-mpmath.mpf(p), mpmath.mpf(n - k) / 2, mpmath.mpf(n) / 2, 1 - a2)
                    if a2 <= 1
                    else (
                        a2**p
                        * mpmath.hyp2f1(-mpmath.mpf(p), mpmath.mpf(k) / 2, mpmath.mpf(n) / 2, 1 - 1 / a2)
                    )
                )
                total += (
                    mpmath.binomial(n, k)
                    * split
                    * mpmath.gamma(mpmath.mpf(n) / 2 + p)
                    / mpmath.gamma(mpmath.mpf(n) / 2)
                )
        return float(total * mpmath.mpf(2) ** (p - n))


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("n", [1, 2, 7, 60])
@pytest.mark.parametrize("p", [-0.3, 0.5, 1.0, 3.7])
def test_moments_to_ten_digits(n, slope, p):
    assert NormFactor(n, slope).moment(p) == pytest.approx(exact_moment(n, slope, p), rel=1e-10)


def test_moments_of_wide_layers():
    for n in (1000, 10_000):
        factor = NormFactor(n)
        assert factor.moment(1) == pytest.approx(n / 2, rel=1e-12)
        assert factor.moment(2) == pytest.approx(n**2 / 4 + 5 * n / 4, rel=1e-12)
        a = 0.3
        variance = n * (1.5 * (1 + a**4) - (1 + a**2) ** 2 / 4)
        leaky = NormFactor(n, a)
        assert leaky.moment(2) - leaky.moment(1) ** 2 == pytest.approx(variance, rel=1e-8)
    # all terms of the sum count for high moments
    with mpmath.workdps(30):
        for n, p in ((1000, 3000), (200, 3000), (1000, -0.49)):
            total = mpmath.fsum(
                mpmath.binomial(n, k) * mpmath.gammaprod([mpmath.mpf(k) / 2 + p], [mpmath.mpf(k) / 2])
                for k in range(1, n + 1)
            )
            expected = mpmath.log(total) + mpmath.mpf(p - n) * mpmath.log(2)
            assert NormFactor(n).log_moment(p) == pytest.approx(
                float(expected), abs=1e-9 + 1e-12 * abs(float(expected))
            )
    for n in (5, 200, 1000):
        assert NormFactor(n).moment(-0.5) == math.inf
    assert NormFactor(10_000).moment(100) == math.inf
    assert NormFactor(5).moment([1, 2]).tolist() == pytest.approx([2.5, 12.5])
    assert NormFactor(5, 0.1).moment(-2.5) == math.inf


def test_log_moments_and_their_expansion():
    """The stated values at n = 50, and 1/n expansions with what is left falling like n^-3."""
    moments = NormFactor(50).log_moments()
    assert moments.mean - math.log(25) == pytest.approx(-0.051739, abs=5e-7)
    assert moments.variance == pytest.approx(0.108168, abs=5e-7)
    left = []
    for n in (200, 400):
        moments = NormFactor(n).log_moments()
        left.append(
            (
                moments.mean - math.log(n / 2) + 5 / (2 * n) + 49 / (12 * n**2),
                moments.variance - 5 / n - 18.5 / n**2,
            )
        )
    assert np.abs(left[0]).max() < 200 / 200**3
    assert left[0] == pytest.approx(np.array(left[1]) * 8, rel=0.05)


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("n", [1, 3, 40])
def test_density_distribution_and_moments_belong_together(n, slope):
    factor = NormFactor(n, slope)
    mean, spread = factor.log_moments().mean, math.sqrt(factor.log_moments().variance)
    for q in np.exp(mean + spread * np.array([-2.0, 0.0, 1.0])):
        below, _ = quad(
            lambda y: float(np.exp(factor.log_pdf_of_log(y))), -90, math.log(q), limit=400, points=[mean]
        )
        assert factor.cdf(q) == pytest.approx(factor.atom + below, rel=1e-8)
        assert factor.cdf(q) + factor.sf(q) == pytest.approx(1, rel=1e-13)
        assert factor.pdf(q) * q == pytest.approx(
            float(np.exp(factor.log_pdf_of_log(math.log(q)))), rel=1e-12
        )
    second, _ = quad(
        lambda y: y * y * float(np.exp(factor.log_pdf_of_log(y))), -90, 12, limit=400, points=[mean]
    )
    moments = factor.log_moments()
    assert second / (1 - factor.atom) == pytest.approx(moments.variance + moments.mean**2, rel=1e-7)
    assert factor.pdf(-1.0) == 0
    assert factor.cdf(-1.0) == 0


def test_atom():
    factor = NormFactor(3)
    assert factor.cdf(0.0) == factor.atom == 1 / 8
    assert NormFactor(3, 0.1).atom == 0
    assert np.mean(factor.sample(40_000, np.random.default_rng(1)) == 0) == pytest.approx(1 / 8, abs=0.006)


@pytest.mark.parametrize(
    ("widths", "options"),
    [
        ([5, 5, 5], {}),
        ([4, 9], {"slope": 0.3}),
        ([6, 3, 5], {"slope": 1.0, "weight_variance": 0.2}),
        ([8, 8], {"bias_variance": 0.3}),
        ([3, 6, 4], {"bias_variance": [0.0, 0.5, 0.1], "weight_variance": [0.5, 0.7, 0.2]}),
        ([5, 4], {"bias_variance": [0.5, 0.0], "slope": -0.5}),
    ],
)
def test_law_is_that_of_real_matrices(widths, options):
    """KS below the 99.9 % point, dead networks within the binomial interval, and the chain of norms likewise."""
    rng = np.random.default_rng(2)
    x0 = np.full((1, 6), 0.7)
    chain = NormChain(6, widths, **options)
    q0 = float((x0**2).sum())
    law = chain.law(q0)
    n = 20_000
    drawn = (real_networks(chain, n, rng, x0)[-1][:, 0] ** 2).sum(axis=1)
    for sample in (drawn, chain.sample(n, rng, q0)):
        statistic, size = ks_of(sample, law)
        assert statistic < kstwo.ppf(0.999, size)
        dead = n - size
        assert abs(dead - n * law.atom) <= 4 * math.sqrt(n * law.atom)
    assert law.atom == pytest.approx(1 - chain.survival_probability(q0), abs=1e-12)
    assert law.cdf(law.ppf(np.array([0.3, 0.9]))) == pytest.approx([0.3, 0.9], abs=1e-9)


def test_one_layer_by_series_and_on_a_grid_is_the_closed_form():
    factor, q = NormFactor(6), np.array([0.02, 0.5, 1.0, 4.0])
    free = NormChain(6, [6]).law()
    assert free.pdf(q) == pytest.approx(factor.pdf(3 * q) * 3, rel=1e-9)
    assert free.cdf(q) == pytest.approx(factor.cdf(3 * q), abs=1e-13)
    biased = NormChain(6, [6], bias_variance=0.2).law()
    s2 = 1 / 3 + 0.2
    assert biased.pdf(q) == pytest.approx(factor.pdf(q / s2) / s2, rel=1e-6)
    assert biased.cdf(q) == pytest.approx(factor.cdf(q / s2), rel=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_grid_laws_are_accurate_in_the_tails(n):
    """One layer with bias, and a second one that is all bias: closed forms at extreme quantiles."""
    s2 = 2 / n + 0.2
    law, factor = NormChain(n, [n], bias_variance=0.2).law(), NormFactor(n)
    q = law.ppf(np.array([law.atom + 1e-3, 0.9, 0.99, 0.9999, 1 - 1e-6]))
    assert law.pdf(q) == pytest.approx(factor.pdf(q / s2) / s2, rel=1e-6)
    assert law.sf(q) == pytest.approx(factor.sf(q / s2), rel=1e-6)
    two = NormChain(n, [n, n], weight_variance=[1, 1e-18], bias_variance=[0.2, 0.2]).law()
    q = two.ppf(np.array([two.atom + 1e-3, 0.99, 0.9999, 1 - 1e-6]))
    assert two.pdf(q) == pytest.approx(factor.pdf(q / 0.2) / 0.2, rel=1e-6)
    assert two.moment(1) == pytest.approx(0.2 * n / 2, rel=1e-6)


@pytest.mark.parametrize(("n", "depth"), [(1, 70), (2, 200), (3, 300), (5, 1000)])
def test_networks_that_are_almost_surely_dead(n, depth):
    """Law, moments and survival keep their relative accuracy; one layer after many by convolution of log moments."""
    chain = NormChain(n, [n] * depth)
    law, alive = chain.law(), chain.survival_probability()
    assert alive == pytest.approx((1 - 2.0**-n) ** depth, rel=1e-11)
    assert law.alive == pytest.approx(alive, rel=1e-12)
    moments = law.log_moments()
    assert moments.mean == pytest.approx(chain.log_moments().mean, rel=1e-8)
    assert moments.variance == pytest.approx(chain.log_moments().variance, rel=1e-7)


def test_extreme_arguments():
    """Not a number stays it; ends of the axis; norms and variances far from 1; scales beyond floating point."""
    law = NormChain(5, [5, 5]).law()
    for found in (law.cdf, law.pdf, law.sf, law.pdf_of_log, law.cdf_of_log, NormFactor(5).pdf):
        assert np.isnan(found([math.nan, 1.0])).tolist() == [True, False]
    assert law.cdf([-1.0, 0.0, math.inf]) == pytest.approx([0, law.atom, 1])
    assert law.sf([-1.0, 0.0, math.inf]) == pytest.approx([1, law.alive, 0])
    assert law.pdf([-1.0, 0.0, math.inf]).tolist() == [0, 0, 0]
    assert NormFactor(5).pdf(math.inf) == 0
    assert law.cdf([]).shape == (0,)
    q = np.array([0.1, 1.0, 7.0])
    for scale in (1e-200, 1e200):
        scaled = NormChain(5, [5, 5]).law(scale)
        assert scaled.cdf(scale * q) == pytest.approx(law.cdf(q), rel=1e-9)
    for v in (0.005, 0.06):  # 1 000 layers: q of order e^-1412 and e^1073
        chain = NormChain(100, [100] * 1000, weight_variance=v)
        sample = chain.sample_log(2000, np.random.default_rng(7))
        assert abs(sample.mean() - chain.log_moments().mean) < 4 * math.sqrt(
            chain.log_moments().variance / 2000
        )
        assert abs(chain.law().ppf_of_log(0.5) - np.median(sample)) < 1
    # with a bias an input of norm 0 is one like others
    rng = np.random.default_rng(8)
    chain = NormChain(3, [6, 6], bias_variance=0.5)
    statistic, size = ks_of(chain.sample(20_000, rng, 0.0), chain.law(0.0))
    assert statistic < kstwo.ppf(0.999, size)
    assert chain.moment(1, 0.0) == pytest.approx(6 / 2 * (2 / 6 * (6 / 2 * 0.5) + 0.5))
    # slopes at the ends of their range: ReLU where none is dead, and the scale of the activation does not matter
    at_end = float(mean_correlation(40, 0.3, slope=1e-6))
    assert at_end == pytest.approx(float(mean_correlation(40, 0.3)), rel=1e-5)
    assert at_end == pytest.approx(float(mean_correlation(40, 0.3, slope=1e6)), rel=1e-9)


def test_moments_of_laws_are_not_truncated():
    """What a window of the law leaves out is most of a high moment: E q^2 = ((n + 5) / n)^L grows, the law does not."""
    chain = NormChain(10, [10] * 50)
    assert chain.law().moment(2) == pytest.approx(1.5**50, rel=1e-10)
    assert chain.law().moment(-0.5) == math.inf
    biased = NormChain(10, [10] * 50, bias_variance=0.1)
    assert biased.law().moment(2) == pytest.approx(float(biased.moment(2)), rel=1e-12)
    with pytest.raises(
        ValueError, match=r"moment of order 2\.5 is infinite, or determined by values with a prob"
    ):
        biased.law().moment(2.5)
    # where nothing is left out quadrature and closed form agree
    for law in (NormChain(50, [50] * 3).law(), NormChain(50, [50] * 3, bias_variance=0.1).law()):
        y = np.linspace(law.low, law.high, 40_001)
        for p in (1, 2):
            integral = np.sum(law.pdf_of_log(y) * np.exp(p * y)) * (y[1] - y[0])
            assert law.moment(p) == pytest.approx(integral, rel=1e-6)
    assert biased.law().moment(0.25) == pytest.approx(
        float(np.mean(biased.sample(100_000, np.random.default_rng(1)) ** 0.25)), rel=0.02
    )


def test_moments_of_the_stationary_law():
    """m_1 = (n/2) (v m_1 + b); infinite from the tail index on."""
    law = stationary_law(20, 0.8 * 2 / 20, 0.3)
    assert law.moment(1) == pytest.approx(10 * 0.3 / 0.2, rel=1e-12)
    # E (v q + b)^2 E Q^2 = m_2
    v, q2 = 0.08, 20**2 / 4 + 5 * 20 / 4
    assert law.moment(2) == pytest.approx(
        q2 * (2 * v * 0.3 * law.moment(1) + 0.09) / (1 - v * v * q2) if v * v * q2 < 1 else math.inf,
        rel=1e-12,
    )
    assert stationary_law(20, 0.99 * 2 / 20, 0.3).moment(3) == math.inf


def test_layers_of_very_different_widths():
    """Each layer has a grid of its own; one narrow layer after wide ones, and wide ones after it."""
    for widths in ([200, 50, 4], [4, 200, 50]):
        chain = NormChain(100, widths, bias_variance=0.1)
        law = chain.law()
        y = np.linspace(law.low, law.high, 40_001)
        for p in (1, 2):
            integral = np.sum(law.pdf_of_log(y) * np.exp(p * y)) * (y[1] - y[0])
            assert integral == pytest.approx(float(chain.moment(p)), rel=1e-6)
        statistic, size = ks_of(chain.sample(20_000, np.random.default_rng(9)), law)
        assert statistic < kstwo.ppf(0.999, size)


def test_operator_without_bias_is_the_fourier_series():
    """Two numerical routes to one law: a bias of 1e-60 takes the grid."""
    for slope in (0.0, 0.2):
        free = NormChain(20, [20] * 8, slope=slope)
        grid = NormChain(20, [20] * 8, slope=slope, bias_variance=1e-60)
        q = free.law().ppf(np.array([1e-4, 0.1, 0.5, 0.9, 0.9999]))
        assert grid.law().pdf(q) == pytest.approx(free.law().pdf(q), rel=1e-6)
        assert grid.law().cdf(q) == pytest.approx(free.law().cdf(q), rel=1e-6)


def test_moments_of_deep_and_wide_chains_do_not_overflow():
    chain = NormChain(100, [100] * 1000)
    assert chain.moment(1) == pytest.approx(1, rel=1e-9)
    assert chain.log_moment(2) == pytest.approx(1000 * math.log1p(5 / 100), rel=1e-9)
    assert chain.output_kurtosis() == pytest.approx(3 * 1.05**1000, rel=1e-8)
    law, moments = chain.law(), chain.log_moments()
    y = np.linspace(law.low, law.high, 20_001)
    density = law.pdf_of_log(y) * (y[1] - y[0])
    assert density.sum() == pytest.approx(1, abs=1e-11)
    assert density @ y == pytest.approx(moments.mean, rel=1e-9)
    assert density @ (y - moments.mean) ** 2 == pytest.approx(moments.variance, rel=1e-8)
    wide = NormChain(10_000, [10_000] * 1000)
    # nearly log-normal: Edgeworth says 1/2 + skewness / (6 sqrt(2 pi)) at the mean
    assert wide.law().cdf_of_log(wide.log_moments().mean) == pytest.approx(0.5, abs=1e-3)
    assert NormChain(50, [20, 50, 30]).moment(1, q0=4.0) == pytest.approx(4 * 30 / 50)
    assert NormChain(5, [5] * 2000).moment(2) == math.inf
    assert NormChain(4, [4] * 1000).output_kurtosis() == math.inf
    assert jacobian_moments(4, [4] * 1000, weight_variance=2.0).variance == math.inf


def test_moments_with_bias_obey_the_recursion():
    n, v, b, m1, m2 = 12, 0.15, 0.4, 2.0, 4.0
    for depth in range(1, 5):
        m1, m2 = (
            n / 2 * (v * m1 + b),
            (n**2 / 4 + 5 * n / 4) * (v**2 * m2 + 2 * v * b * m1 + b**2),
        )
        chain = NormChain(12, [n] * depth, weight_variance=v, bias_variance=b)
        assert chain.moment(1, q0=2.0) == pytest.approx(m1, rel=1e-12)
        assert chain.moment(2, q0=2.0) == pytest.approx(m2, rel=1e-12)
    law = chain.law(2.0)
    y = np.linspace(law.low, law.high, 20_001)
    density = law.pdf_of_log(y) * (y[1] - y[0])
    assert density @ np.exp(y) == pytest.approx(m1, rel=1e-7)
    assert density @ np.exp(2 * y) == pytest.approx(m2, rel=1e-6)
    with pytest.raises(ValueError, match=r"with biases p must be 0, 1, 2, ..., got 0.5"):
        chain.moment(0.5)


def test_eigenfunctions_of_the_transfer_operator():
    """int k(q, z) q^(-1-m) dq = lambda_m z^(-1-m), by quadrature over the density of one layer."""
    n, z = 6, 0.7
    factor, v = NormFactor(n), he_variance(n)
    for m in (0.5, 1.0, 2.0, 3.3):

        def integrand(u, m=m):
            q = math.exp(u)
            return float(factor.pdf(z / (v * q))) / (v * q) * q**-m  # dq = q du

        left, _ = quad(integrand, -8, 90, limit=500, points=[0.0, 3.0])
        assert left == pytest.approx(eigenvalue(n, m) * z ** (-1 - m), rel=1e-7)
    assert eigenvalue(n, 1) == pytest.approx(1, rel=1e-12)
    assert eigenvalue(n, 2) == pytest.approx(1 + 5 / n, rel=1e-12)
    assert eigenvalue(n, 0.5) < 1


def test_stationary_law_is_what_a_layer_leaves():
    """Fixed point; the tail of the stated index; second moment finite iff v^2 (n^2 + 5 n) / 4 < 1."""
    n, b = 20, 0.5
    for v in (0.05, 0.09):
        law = stationary_law(n, v, b)
        long = NormChain(n, [n] * 250, weight_variance=v, bias_variance=b).law()
        q = long.ppf(np.array([1e-3, 0.2, 0.7, 0.999]))
        assert law.pdf(q) == pytest.approx(long.pdf(q), rel=1e-6)
        assert law.cdf(q) == pytest.approx(long.cdf(q), rel=1e-6)
    assert squared_norm_tail_index(n) == pytest.approx(1, abs=1e-12)
    he = stationary_law(n, None, b)
    tail = he.sf(np.array([1e9, 1e10]))
    assert math.log10(tail[1] / tail[0]) == pytest.approx(-1, abs=1e-6)
    at = 2 / math.sqrt(n**2 + 5 * n)
    assert squared_norm_tail_index(n, at) == pytest.approx(2, abs=1e-10)
    assert squared_norm_tail_index(n, 0.9 * at) > 2
    law = stationary_law(n, 0.07, b)
    m1 = n / 2 * b / (1 - n / 2 * 0.07)
    assert law.moment(1) == pytest.approx(m1, rel=1e-7)


def test_dead_layers_make_narrow_relu_networks_stationary():
    """With log q drifting upwards: a layer that is dead starts anew. Seen in chains of norms."""
    n, v, b = 4, 1.2, 1.0
    assert NormFactor(n).log_moments().mean + math.log(v) > 0
    law = stationary_law(n, v, b)
    sample = NormChain(n, [n] * 400, weight_variance=v, bias_variance=b).sample(
        20_000, np.random.default_rng(3)
    )
    statistic, size = ks_of(sample, law)
    assert statistic < kstwo.ppf(0.999, size)
    with pytest.raises(ValueError, match=r"leaves no stationary law: E log\(v Q\) = .* must be negative"):
        stationary_law(n, v, b, slope=0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NormFactor(0), "width must be between 1 and 10 000 000, got 0"),
        (
            lambda: NormFactor(3, math.nan),
            "slope must be 0 or between 1e-6 and 1e6 in absolute value, got nan",
        ),
        (lambda: NormFactor(3, 1e-7), "slope must be 0 or between 1e-6 and 1e6 in absolute value, got 1e-07"),
        (lambda: NormFactor(3).moment(math.nan), "must be a number, got nan"),
        (lambda: he_variance(0), "inputs must be at least 1, got 0"),
        (lambda: eigenvalue(5, 1, -1.0), "weight_variance must be finite and > 0, got -1"),
        (lambda: jacobian_moments(4, [-4]), "width must be at least 1, got -4"),
        (
            lambda: jacobian_moments(4, [4], weight_variance=-1),
            "weight_variance must be finite and > 0, got -1",
        ),
        (lambda: jacobian_moments(4, []), "widths must name at least one layer"),
        (lambda: pair_moments(-3, 1.0, 1.0, 0.5), "width must be at least 1, got -3"),
        (lambda: NormChain(3, [3]).survival_probability(-3.0), "q0 must be finite and >= 0, got -3"),
        (
            lambda: NormChain(3, [3]).sample_angles(2, np.random.default_rng(), 4.0),
            r"angle must be in \[0, pi\], got 4",
        ),
        (lambda: NormChain(0, [3]), "inputs must be at least 1, got 0"),
        (lambda: NormChain(3, []), "widths must name at least one layer"),
        (lambda: NormChain(3, [3], weight_variance=-1), "weight_variance must be finite and > 0, got -1"),
        (lambda: NormChain(3, [3], bias_variance=-1), "bias_variance must be finite and >= 0, got -1"),
        (lambda: NormChain(3, [3, 3], bias_variance=[1]), r"one per layer \(2\), got shape \(1,\)"),
        (lambda: NormChain(3, [3]).law(0.0), "q0 must be > 0, or the first layer have a bias: got 0"),
        (lambda: NormChain(3, [3]).law().ppf(1.0), r"probability must be in \(0, 1\), got 1"),
        (lambda: mean_correlation(9, 1.5), r"correlation must be in \[-1, 1\], got \[1.5\]"),
        (lambda: mean_correlation(1, 0.5), "width must be at least 2, got 1"),
        (lambda: log_angle_drift(1), "width must be at least 2"),
        (lambda: squared_norm_tail_index(5, -1.0), "weight_variance must be finite and > 0, got -1"),
        (lambda: squared_norm_tail_index(100, 0.03), "a dead layer is too rare"),
        (lambda: stationary_law(5, 0.1, 0.0), "bias_variance must be finite and > 0, got 0"),
        (lambda: stationary_law(10, 0.4), "at most 40000 are accepted"),
        (lambda: pair_moments(3, 1.0, 1.0, 4.0), r"angle must be in \[0, pi\]"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("slope", "factor"), [(0.0, 0.8), (0.0, 1.0), (0.3, 0.9), (1.0, 0.7)])
def test_series_has_the_stationary_law(slope, factor):
    """Layers in reverse order against the law, at level .001; and the mean, where it is finite, by its recursion."""
    n, b, size = 12, 0.4, 20_000
    v = factor * he_variance(n, slope)
    q, layers = stationary_sample(size, np.random.default_rng(10), n, v, b, slope)
    statistic, alive = ks_of(q, stationary_law(n, v, b, slope))
    assert alive == (size if slope else np.count_nonzero(q))
    assert statistic < kstwo.ppf(0.999, alive)
    if factor < 0.85:
        mean = n * (1 + slope**2) / 2 * b / (1 - factor)
        assert abs(q.mean() - mean) < 4 * q.std() / math.sqrt(size)
    # a rougher end changes nothing but the end
    rough, fewer = stationary_sample(size, np.random.default_rng(10), n, v, b, slope, tolerance=1e-3)
    assert fewer < layers
    assert ks_of(rough, stationary_law(n, v, b, slope))[0] < kstwo.ppf(0.999, alive)


def test_series_without_a_stationary_law():
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="bias_variance must be finite and > 0, got 0"):
        stationary_sample(3, rng, 5, bias_variance=0.0)
    with pytest.raises(ValueError, match="leaves no stationary law"):
        stationary_sample(3, rng, 5, 2.0, slope=0.5)
    assert stationary_sample(0, rng, 5)[0].shape == (0,)
    # a dead layer ends the series
    dead, _ = stationary_sample(2000, rng, 1)
    assert abs((dead == 0).mean() - 0.5) < 4 * math.sqrt(0.25 / 2000)
