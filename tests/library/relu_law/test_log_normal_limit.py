"""Log-normal limit of wide and deep ReLU networks (Hanin & Nica 2020): log q of mean -beta/2 and variance beta."""

import math

import numpy as np
import pytest
import scipy.special as sc

from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.norm_factor import NormFactor


def per_layer(slope):
    """n Var(Q) / (E Q)^2 of a layer of n units: E phi^4 / (E phi^2)^2 - 1 = 6 (1 + a^4) / (1 + a^2)^2 - 1."""
    return 6 * (1 + slope**4) / (1 + slope**2) ** 2 - 1


def distance(widths, beta, slope=0.0, inputs=None):
    """sup |P(log q_L <= y) - Phi((y + beta/2) / sqrt(beta))| of the exact law, He's variance between equal widths."""
    law = NormChain(inputs or widths[0], widths, slope=slope).law(1.0)
    ratio = math.log(widths[-1] / (inputs or widths[0]))  # E q_L = n_L / n_0
    y = -beta / 2 + math.sqrt(beta) * np.linspace(-8, 8, 801)
    return float(np.max(np.abs(law.cdf_of_log(y + ratio) - sc.ndtr((y + beta / 2) / math.sqrt(beta)))))


def test_constants_of_one_layer():
    """Mean -5/(2n) and variance 5/n for ReLU; 2/n for linear networks."""
    assert (per_layer(0.0), per_layer(1.0)) == (5, 2)
    n = 100_000
    for slope in (0.0, 1.0, 0.3):
        factor = NormFactor(n, slope)
        moments, constant = factor.log_moments(), per_layer(slope)
        assert n * moments.variance == pytest.approx(constant, rel=1e-3)
        assert n * (moments.mean - float(factor.log_moment(1))) == pytest.approx(-constant / 2, rel=1e-3)


@pytest.mark.parametrize("slope", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("ratio", [0.2, 1.0])
def test_distance_falls_as_one_over_width_at_fixed_ratio(slope, ratio):
    """Depth / width fixed: third cumulants and the next orders of mean and variance all are of order 1/n."""
    beta = per_layer(slope) * ratio
    found = [distance([n] * round(ratio * n), beta, slope) for n in (50, 100, 200)]
    assert found[0] < 0.1
    assert found[0] / found[1] == pytest.approx(2, rel=0.12)
    assert found[1] / found[2] == pytest.approx(2, rel=0.06)


def test_other_constants_are_not_the_limit():
    """beta = 4 sum 1/n_l, or a mean that is not -beta/2: the distance has a positive limit."""
    for beta in (4.0, 6.0):
        found = [distance([n] * n, beta) for n in (100, 200)]
        assert found[1] > 0.05
        assert found[1] == pytest.approx(found[0], rel=0.15)


def test_layers_of_different_widths():
    """beta = sum 5 / n_l, whatever the order of the widths."""
    found = []
    for scale in (1, 2, 4):
        widths = [20 * scale, 60 * scale, 30 * scale] * (5 * scale)
        beta = sum(5 / n for n in widths)
        found.append(distance(widths, beta, inputs=50 * scale))
    assert beta == pytest.approx(5 * 5 * (1 / 20 + 1 / 60 + 1 / 30))
    assert found[0] / found[1] == pytest.approx(2, rel=0.2)
    assert found[1] / found[2] == pytest.approx(2, rel=0.1)
    reverse = distance(widths[::-1], beta, inputs=50 * scale)
    assert reverse == pytest.approx(found[2], abs=1e-9)
