"""The constraint table against closed forms and against samples."""

import math

import numpy as np
import pytest

from preactivations.gaussianity import ks_statistic
from preactivations.pairs.constraints import COMMON_ACTIVATIONS, check_pair
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull


@pytest.mark.parametrize("kind", ["odd", "positive"])
@pytest.mark.parametrize(
    "law",
    [SymmetricWeibull(t) for t in (2, 2.05, 4, 10)]
    + [SphericalMarginal(b) for b in (0, 0.05, 0.1, 0.5, 1, 5)],
    ids=str,
)
def test_exact_pairs_satisfy_everything(law, kind):
    check = check_pair(law, GaussianPair(law, kind).phi)
    assert check[:4] == (True, True, True, True)
    assert check.ks < (2e-4 if law in map(SphericalMarginal, (0, 0.05, 0.1)) else 3e-6)
    assert check.variance == pytest.approx(1, abs=1e-5)


def test_sign_goes_with_normal_weights_only():
    assert check_pair(Normal(), np.sign)[:4] == (True, True, True, True)
    check = check_pair(SphericalMarginal(1), np.sign)
    assert not check.gaussian
    # uniform on (-1, 1) against normal: at z = 1
    assert check.ks == pytest.approx(1 - 0.8413447460685429, abs=1e-6)


@pytest.mark.parametrize("law", [SphericalMarginal(1), Normal(), SymmetricWeibull(3)], ids=str)
@pytest.mark.parametrize("name", list(COMMON_ACTIVATIONS))
def test_ks_against_samples(law, name):
    activation, n = COMMON_ACTIVATIONS[name], 1_000_000
    rng = np.random.default_rng(31)
    sample = law.sample(n, rng) * activation(rng.standard_normal(n))
    check = check_pair(law, activation)
    # standard deviation of a KS statistic is at most 1 / (2 sqrt n), its bias near the null of the same order
    assert check.ks == pytest.approx(ks_statistic(sample), abs=4 / math.sqrt(n))
    scaled = sample / math.sqrt(check.variance)
    assert check.ks_standardized == pytest.approx(ks_statistic(scaled), abs=4 / math.sqrt(n))


def test_each_constraint_is_seen():
    relu = check_pair(SymmetricWeibull(3), COMMON_ACTIVATIONS["relu"])
    assert (relu.no_atom, relu.zero_probability) == (False, pytest.approx(0.5))
    uniform_tanh = check_pair(SphericalMarginal(1), np.tanh)
    assert not uniform_tanh.no_double_density  # both densities positive at 0
    assert check_pair(SymmetricWeibull(3), np.tanh).no_double_density  # f_W(0) = 0
    assert not check_pair(SymmetricWeibull(3), np.tanh).conjugate_tails
    mismatched = check_pair(SymmetricWeibull(4), GaussianPair(SymmetricWeibull(3), "odd").phi)
    assert (mismatched.gaussian, mismatched.conjugate_tails) == (False, False)
    assert mismatched.factor_tail == pytest.approx(6, abs=0.02)  # 1/3 + 1/6 = 1/2
    for theta in (4, 10):  # P(|W| < h) ~ h^theta
        assert check_pair(SymmetricWeibull(theta), np.tanh).weight_exponent == pytest.approx(theta)
    assert check_pair(Normal(), lambda x: np.exp(-x * x)).factor_tail == np.inf
    assert not check_pair(Normal(), lambda x: np.exp(np.minimum(x, 700))).gaussian
    assert not check_pair(Normal(), np.exp).conjugate_tails


def test_errors():
    with pytest.raises(ValueError, match="not finite at x = "):
        check_pair(Normal(), lambda x: np.where(x > 0, x, np.nan))
    with pytest.raises(ValueError, match="zero everywhere"):
        check_pair(Normal(), np.zeros_like)
