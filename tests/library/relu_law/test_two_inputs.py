"""Two inputs of one ReLU network: angles and correlations, by real weight matrices and quadrature."""

import math

import mpmath
import numpy as np
import pytest
from oracles import real_networks
from scipy.stats import norm

from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.two_inputs import log_angle_drift, mean_correlation, pair_moments


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_two_inputs(slope):
    """Gram matrix from drawn matrices; correlations also from the chain of Gram matrices, and their exact mean."""
    rng, n, networks = np.random.default_rng(4), 9, 60_000
    x = np.array([[1.0, 0.0, 0.0], [-0.3, 0.8, 0.2]])
    chain = NormChain(3, [n], slope=slope, bias_variance=0.2)
    layer = chain.layers[0]
    gram = layer.v * x @ x.T + layer.b
    s_x, s_y = np.sqrt(np.diag(gram))
    moments = pair_moments(n, s_x, s_y, math.acos(gram[0, 1] / (s_x * s_y)), slope)
    out = real_networks(chain, networks, rng, x)[0]
    xy, xx, yy = (out[:, 0] * out[:, 1]).sum(1), (out[:, 0] ** 2).sum(1), (out[:, 1] ** 2).sum(1)
    for sample, expected in (
        (xy, moments.mean),
        ((xy - moments.mean) ** 2, moments.variance),
        (xx, moments.mean_squares[0]),
        ((xx - moments.mean_squares[0]) * (yy - moments.mean_squares[1]), moments.covariance_of_squares),
    ):
        assert abs(sample.mean() - expected) < norm.isf(5e-4 / 4) * sample.std() / math.sqrt(networks)
    free = NormChain(3, [n, n], slope=slope)
    c = float(x[0] @ x[1] / np.linalg.norm(x[1]))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    drawn = real_networks(free, networks, rng, unit)
    sampled = np.cos(free.sample_angles(networks, rng, math.acos(c)))
    with np.errstate(invalid="ignore"):
        for k in (0, 1):
            a, b = drawn[k][:, 0], drawn[k][:, 1]
            cosine = (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))
            one, two = cosine[~np.isnan(cosine)], sampled[k + 1][~np.isnan(sampled[k + 1])]
            error = math.sqrt((one.var() + two.var()) / networks)
            assert abs(one.mean() - two.mean()) < norm.isf(5e-4) * error
            if k == 0:
                exact = float(mean_correlation(n, c, slope))
                assert abs(one.mean() - exact) < norm.isf(5e-4) * one.std() / math.sqrt(networks)


def test_mean_correlation_has_the_right_limits():
    """Mean field at large width; 1 and (for ReLU) 0 at the ends; the classical closed form for linear networks."""
    c = np.array([-0.6, 0.0, 0.9])
    angle = np.arccos(c)
    limit = (np.sin(angle) + (np.pi - angle) * c) / np.pi
    left = [mean_correlation(n, c) - limit for n in (500, 1000)]
    assert left[0] == pytest.approx(2 * left[1], rel=0.02)
    assert mean_correlation(7, [-1.0, 1.0]) == pytest.approx([0, 1], abs=1e-10)

    # linear: the mean of a sample correlation (Hotelling 1953)
    for n, rho in ((2, 0.5), (9, -0.8)):
        ratio = math.exp(2 * (math.lgamma((n + 1) / 2) - math.lgamma(n / 2)))
        expected = rho * 2 / n * ratio * float(mpmath.hyp2f1(0.5, 0.5, n / 2 + 1, rho**2))
        assert float(mean_correlation(n, rho, slope=1.0)) == pytest.approx(expected, abs=1e-10)


def test_small_angles_lose_one_nth_of_their_logarithm():
    """The drift of log(angle) from drawn pairs at a small angle, and its leading order."""
    n, angle = 10, 1e-9
    sample = NormChain(n, [n]).sample_angles(60_000, np.random.default_rng(5), angle)[1]
    log_ratio = np.log(sample[sample > 0]) - math.log(angle)
    # with one active neuron both outputs are parallel, up to rounding
    log_ratio = log_ratio[log_ratio > -12]
    error = log_ratio.std() / math.sqrt(log_ratio.size)
    assert abs(log_ratio.mean() - log_angle_drift(n)) < 4 * error
    assert log_angle_drift(1000) == pytest.approx(-1 / 1000, rel=0.01)
    assert log_angle_drift(1000, slope=1.0) == pytest.approx(-1 / 2000, rel=0.01)
    with pytest.raises(ValueError, match=r"slope must be 0, 1 or -1, got 0\.2"):
        log_angle_drift(10, 0.2)
