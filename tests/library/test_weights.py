"""Weight laws against quadrature of their densities and against samples."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.rows import row_law
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull, WeightLaw, as_law

LAWS = [
    SymmetricWeibull(2),
    SymmetricWeibull(2.05),
    SymmetricWeibull(10),
    SphericalMarginal(0.3),
    SphericalMarginal(0.5),
    SphericalMarginal(1),
    SphericalMarginal(4),
    Normal(),
    Normal(0.5),
]


def by_quadrature(law, power, start=0.0):
    """2 int_start^end w^power f(w) dw, in an angle so that a pole of the density at 1 does no harm."""
    if isinstance(law, SphericalMarginal):
        return quad(
            lambda a: 2 * math.sin(a) ** power * law.density(math.sin(a)) * math.cos(a),
            math.asin(start),
            math.pi / 2 - 1e-15,
            limit=500,
            epsabs=1e-12,
        )[0]
    return quad(lambda w: 2 * w**power * law.density(w), start, 12, limit=500, epsabs=1e-13)[0]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_density_survival_and_moments_agree(law):
    assert isinstance(law, WeightLaw)
    # a pole (1 - w)^(b - 1) hides 1e-15^b from the quadrature
    hidden = 1e-15**law.b if isinstance(law, SphericalMarginal) else 0.0
    assert by_quadrature(law, 0) == pytest.approx(1, abs=1e-9 + 10 * hidden)
    for w in (0.1, 0.5, 0.9):
        assert by_quadrature(law, 0, w) == pytest.approx(law.survival(w), abs=1e-9 + 10 * hidden)
        assert law.small_ball(w) == pytest.approx(1 - law.survival(w), abs=1e-14)
    # small_ball keeps its digits: its exponent at 0 is that of the density, plus one
    exponent = np.log(law.small_ball(1e-12) / law.small_ball(1e-10)) / np.log(0.01)
    assert exponent == pytest.approx(getattr(law, "theta", 1.0), abs=1e-6)
    for s in (0.5, 1, 2, 4):
        assert by_quadrature(law, s) == pytest.approx(law.moment(s), rel=1e-8 + 100 * hidden)
    assert law.variance == pytest.approx(law.moment(2), rel=1e-14)


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("single", [False, True], ids=["float64", "float32"])
def test_samples_have_the_law(law, single):
    n = 1_000_000
    rng = np.random.Generator(np.random.Philox(key=11))
    w = law.sample32(n, rng) if single else law.sample(n, rng)
    assert w.shape == (n,)
    assert w.dtype == (np.float32 if single else np.float64)
    limit = null_quantile(1 - 1e-3 / (2 * len(LAWS)), n)  # one false alarm in a thousand for the whole grid

    def cdf(x):
        return np.where(x < 0, 0.5 * law.survival(-x), 1 - 0.5 * law.survival(x))

    # weights next to 1 are rounded to 1: an atom of that probability
    rounded = 0.5 * law.survival(1 - 2.0**-25) if single and isinstance(law, SphericalMarginal) else 0.0
    assert ks_statistic(w, cdf) < limit + rounded


def test_sign_and_magnitude_are_independent():
    n = 1_000_000
    for law in (SymmetricWeibull(3), SphericalMarginal(1)):
        w = law.sample32(n, np.random.Generator(np.random.Philox(key=5)))
        covariance = np.mean(np.sign(w) * np.abs(w))
        assert abs(covariance) < 4 * math.sqrt(law.variance / n)


def test_special_cases():
    assert SphericalMarginal(1).survival(0.25) == pytest.approx(0.75)  # uniform
    assert SphericalMarginal(0.5).survival(0.5) == pytest.approx(1 - 2 / math.pi * math.asin(0.5))  # arcsine
    assert SymmetricWeibull(2).moment(2) == pytest.approx(1)
    signs = SphericalMarginal(0).sample(100, np.random.default_rng(0))
    assert set(np.abs(signs)) == {1.0}
    # Gaussian limit: W sqrt(1 + 2b) tends to N(0, 1) with an error of order 1/b
    wide = SphericalMarginal(1e6)
    assert wide.survival(1.3 / math.sqrt(1 + 2e6)) == pytest.approx(Normal().survival(1.3), abs=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: SymmetricWeibull(1.99), ValueError, "at least 2, got 1.99"),
        (lambda: SymmetricWeibull(math.nan), ValueError, "at least 2, got nan"),
        (lambda: SymmetricWeibull(math.inf), ValueError, "SphericalMarginal"),
        (lambda: SymmetricWeibull("3"), TypeError, "must be a real number, got '3'"),
        (lambda: SymmetricWeibull(True), TypeError, "must be a real number"),
        (lambda: SphericalMarginal(-0.1), ValueError, "got -0.1"),
        (lambda: SphericalMarginal(math.inf), ValueError, "use Normal"),
        (lambda: Normal(0), ValueError, "std must be finite and > 0"),
        (lambda: SymmetricWeibull(3).moment(-3), ValueError, "finite only for s > -3"),
        (lambda: SphericalMarginal(0).density(0.5), ValueError, "no density"),
    ],
)
def test_errors_name_value_and_reason(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_laws_by_name():
    assert as_law("weibull_2.05") == SymmetricWeibull(2.05)
    assert as_law("spherical_0") == SphericalMarginal(0)
    assert as_law("weibull_2.0000001") == SymmetricWeibull(2.0000001)
    assert as_law("normal") == Normal()
    for name in ("cauchy", "uniform", "weibull", "weibull_x", "weibull_inf", "normal_2"):
        with pytest.raises(ValueError, match=f"unknown law of weights '{name}'; accepted: weibull_<theta>"):
            as_law(name)
    with pytest.raises(ValueError, match="theta must be at least 2"):
        as_law("weibull_1.5")
    with pytest.raises(ValueError, match="theta must be at least 2, got -3"):
        as_law("weibull_-3")


def test_a_law_or_its_name():
    """Every function that takes a law takes its name: the same result, and the same error for an unknown one."""
    import torch

    from preactivations.activations.gaussian import GaussianActivation
    from preactivations.activations.modules import activation
    from preactivations.pairs.constraints import check_pair
    from preactivations.pairs.factor import GaussianFactor
    from preactivations.pairs.fitted import product_ks, variance_after
    from preactivations.pairs.gaussian import GaussianPair
    from preactivations.propagation.engine import simulate, simulate_layers
    from preactivations.streams import Stream
    from preactivations.training.networks import initialize, lenet, mlp

    def drawn(network):
        return torch.cat([p.detach().flatten() for p in network.parameters()]).numpy()

    def rng():
        return np.random.default_rng(0)

    options = {"n_networks": 3, "stream": Stream(1)}
    uses = {
        "GaussianFactor": lambda law: GaussianFactor(law).isf(0.3),
        "GaussianPair": lambda law: GaussianPair(law).phi(1.5),
        "GaussianActivation": lambda law: GaussianActivation(law)(torch.ones(3)).numpy(),
        "activation": lambda law: activation("odd", law)(torch.ones(3)).numpy(),
        "check_pair": lambda law: check_pair(law, np.tanh).ks,
        "product_ks": lambda law: product_ks(np.tanh, law, 50, Stream(2)),
        "variance_after": lambda law: variance_after(np.tanh, law, [1]),
        "simulate": lambda law: simulate([1, 4, 1], np.tanh, weights=law, **options),
        "first_weights": lambda law: simulate(
            [3, 1], np.tanh, weights="normal", first_weights=law, **options
        ),
        "simulate_layers": lambda law: simulate_layers([1, 4, 1], np.tanh, weights=law, **options).tested,
        "mlp": lambda law: drawn(mlp(4, 3, 2, activation="odd", weights=law, rng=rng())),
        "lenet": lambda law: drawn(lenet(1, 16, activation="tanh", weights=law, rng=rng())),
        "initialize": lambda law: drawn(initialize(mlp(4, 3, 2, activation="tanh"), law, rng=rng())),
    }
    for use in uses.values():
        np.testing.assert_array_equal(use("weibull_4"), use(SymmetricWeibull(4)))
        with pytest.raises(ValueError, match=r"unknown law of weights 'uniform'; accepted: weibull_<theta>"):
            use("uniform")
        with pytest.raises(TypeError, match="weights must be a law of `weights` or its name, got 4"):
            use(4)


def test_two_families_two_scales():
    """The laws that exist for single weights and for rows: the same but for the scale of the uniform one."""
    for name, of_rows in (
        ("spherical_1", "iid_uniform"),
        ("spherical_0", "iid_rademacher"),
        ("normal", "gaussian"),
    ):
        law, rows = as_law(name), row_law(of_rows)
        w = rows.sample(1, 200_000, np.random.Generator(np.random.Philox(key=3)))[0]
        scaled = np.abs(w) * math.sqrt(law.variance)  # rows have unit variance
        for at in (0.1, 0.5, 0.9):
            assert abs(np.mean(scaled > at) - law.survival(at)) < 4.5 * 0.5 / math.sqrt(w.size)


def test_moments_of_signs():
    """|W| = 1: every moment is 1, negative ones too."""
    assert [SphericalMarginal(0).moment(s) for s in (-3, -1, 0, 2.5)] == [1.0] * 4
