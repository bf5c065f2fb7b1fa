"""Joint law of the units of a layer: closed forms of one unit before, real weight matrices, and the law of the norm."""

import math

import mpmath
import numpy as np
import pytest
import scipy.special as sc
from oracles import real_networks
from scipy.integrate import dblquad, quad
from scipy.stats import kstwo, norm

from preactivations.gaussianity import ks_to_law
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.joint import JointLaw


def after_one_unit(units=4):
    """s = relu(g), g ~ N(0, 1): dead with probability 1/2, else of density 2 phi(s) / 2."""
    return JointLaw(NormChain(1, [1, units], weight_variance=1.0))


def test_one_unit_before():
    """E s = 1/sqrt(2 pi), E s^2 = 1/2, E s^4 = 3/2; the density of two products of normal numbers in mpmath."""
    law = after_one_unit()
    assert (law.atom, law.units) == (0.5, 4)
    assert [law.scale_moment(p) for p in (0, 1, 2, 4)] == pytest.approx(
        [0.5, 1 / math.sqrt(2 * math.pi), 0.5, 1.5], rel=1e-12
    )
    assert law.covariances() == pytest.approx(
        (1.25, (0.5 - 1 / (2 * math.pi)) / (2 * math.pi), 1.25 / 4), rel=1e-12
    )
    for k, radius in ((1, 0.3), (2, 1.7), (3, 0.5)):
        exact = mpmath.quad(
            lambda s, k=k, radius=radius: (
                mpmath.npdf(s) * (2 * mpmath.pi * s**2) ** (-mpmath.mpf(k) / 2) * mpmath.exp(-(radius**2) / (2 * s**2))
            ),
            [0, 0.1, 0.5, 1, 3, 12],
        )  # fmt: skip
        h = np.full(k, radius / math.sqrt(k))
        assert law.pdf(h) == pytest.approx(float(exact), rel=1e-9)
        assert law.pdf(np.stack([h, -h])) == pytest.approx([float(exact)] * 2, rel=1e-9)
    for t, k in ((-0.7, 2), (0.0, 3), (1.2, 4)):
        exact, _ = quad(
            lambda s, t=t, k=k: norm.pdf(s) * sc.ndtr(t / s) ** k, 0, 12, points=[0.1, 1], limit=200
        )
        assert law.cdf_of_largest(t, k) == pytest.approx(0.5 * (t >= 0) + exact, abs=1e-10)
    assert law.cdf_of_largest(0.4) == law.cdf_of_largest(0.4, 4)


def test_density_integrates_to_the_probability_of_an_orthant():
    """P(h_1 > t, h_2 > t) by quadrature of the density of two units; and of all of it, the part that is alive."""
    law = JointLaw(NormChain(3, [6, 5], weight_variance=0.4, bias_variance=[0.3, 0.1]))
    tail, _ = dblquad(lambda a, b: float(law.pdf([a, b])), 0.5, 9, 0.5, 9, epsabs=1e-7)
    assert law.cdf_of_largest(-0.5, 2) == pytest.approx(tail, abs=1e-6)
    r, weight = np.polynomial.legendre.leggauss(60)
    r, weight = 5 * (r + 1), 5 * weight
    density = law.pdf(np.stack([r, np.zeros(60)], axis=-1))
    assert 2 * math.pi * np.sum(weight * r * density) == pytest.approx(1 - law.atom, abs=1e-6)


def test_one_unit_has_the_law_of_the_mixture():
    """One unit: `NormLaw.mixture_cdf` of the layer before, of another quadrature."""
    chain = NormChain(7, [7, 7, 7])
    t = np.array([-2.0, -0.3, 0.0, 0.5, 4.0])
    expected = chain.first(2).law().mixture_cdf(t / math.sqrt(2 / 7))
    assert JointLaw(chain).cdf_of_largest(t, 1) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("q0", [1.0, 2.5])
def test_variance_of_the_scale_is_that_of_the_norm(q0):
    """Without biases Var(s^2) = v^2 Var(q); with biases the moments are those of chains of norms."""
    chain = NormChain(8, [8, 6, 5])
    head = chain.first(2)
    variance = float(head.moment(2, q0)) - float(head.moment(1, q0)) ** 2
    assert JointLaw(chain, q0).covariances().pre_squares == pytest.approx(variance / 9, rel=1e-12)
    biased = NormChain(8, [8, 6, 5], bias_variance=[0.0, 0.2, 0.3])
    law = JointLaw(biased, q0)
    q = biased.first(2).sample(200_000, np.random.default_rng(1), q0)
    s = np.sqrt(2 / 6 * q + 0.3)
    for p in (1, 2, 4):
        assert abs((s**p).mean() - law.scale_moment(p)) < norm.isf(5e-4 / 6) * (s**p).std() / math.sqrt(
            s.size
        )


@pytest.mark.parametrize(
    ("widths", "options"),
    [
        ([6, 8], {}),
        ([5, 5, 5], {}),
        ([4, 9, 6], {"slope": 0.3}),
        ([6, 6], {"bias_variance": 0.3, "slope": -0.5}),
    ],
)
def test_units_of_real_matrices(widths, options):
    """Largest of all units by KS (99.9 % point); moments and probabilities of pairs within the error of the mean.

    Pre-activations are those of networks of the same chain with a linear last layer.
    """
    chain = NormChain(6, widths, **options)
    law, n, networks = JointLaw(chain), widths[-1], 30_000
    rng = np.random.default_rng(7)
    x0 = np.full((1, 6), 1 / math.sqrt(6))
    before = real_networks(chain.first(chain.depth - 1), networks, rng, x0)[-1][:, 0]
    last = chain.layers[-1]
    w = rng.standard_normal((networks, n, before.shape[1])) * math.sqrt(last.v)
    h = np.einsum("kij,kj->ki", w, before) + math.sqrt(last.b) * rng.standard_normal((networks, n))
    x = np.where(h > 0, h, chain.slope * h)
    largest = h.max(axis=1)
    # the largest of all units is positive but for 2^-n: shifted, so that an atom at 0 is one of the statistic
    shifted = np.maximum(largest, 0)
    statistic = ks_to_law(shifted, law.cdf_of_largest)
    assert statistic < kstwo.ppf(0.999, networks)
    covariances, a = law.covariances(), chain.slope
    mean_x = (1 - a) * law.scale_moment(1) / math.sqrt(2 * math.pi)
    mean_h2 = law.scale_moment(2)
    mean_x2 = (1 + a * a) / 2 * mean_h2
    t = math.sqrt(mean_h2)

    def pairs(f):
        return (f.sum(axis=1) ** 2 - (f**2).sum(axis=1)) / (n * (n - 1))

    for sample, expected in (
        (pairs(x), covariances.outputs + mean_x**2),
        (pairs(h**2), covariances.pre_squares + mean_h2**2),
        (pairs(x**2), covariances.output_squares + mean_x2**2),
        (pairs((h > t).astype(float)), law.cdf_of_largest(-t, 2)),
    ):
        assert abs(sample.mean() - expected) < norm.isf(5e-4 / 4) * sample.std() / math.sqrt(networks)
    # and they are not those of independent units
    assert statistic < 0.2 * np.max(
        np.abs(law.cdf_of_largest(np.sort(shifted)) - law.cdf_of_largest(np.sort(shifted), 1) ** n)
    )


def test_first_layer_is_independent_and_normal():
    law = JointLaw(NormChain(4, [3], bias_variance=0.5), q0=2.0)
    s = math.sqrt(2 / 4 * 2 + 0.5)
    assert law.covariances() == (0, 0, 0)
    assert law.pdf([0.3, -1.0]) == pytest.approx(norm.pdf(0.3, scale=s) * norm.pdf(1, scale=s), rel=1e-12)
    assert law.cdf_of_largest([0.2, 1.0]) == pytest.approx(norm.cdf([0.2, 1.0], scale=s) ** 3, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda law: law.pdf(1.0), "h must have the units along its last axis, got a scalar"),
        (lambda law: law.cdf_of_largest(1.0, 0), "units must be at least 1, got 0"),
        (lambda law: law.scale_moment(math.inf), "the order p of a moment must be finite, got inf"),
        (lambda _: JointLaw(NormChain(2, [2, 2]), 0.0), "q0 must be > 0"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(after_one_unit())
